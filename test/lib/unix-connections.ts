/** Connections to a Unix socket that have been accepted, as /proc/net/unix tells (see proc_net(5)). */
import { readFileSync } from 'node:fs';

const CONNECTED = '03';

export function connectionsTo(path: string): number {
  const rows = readFileSync('/proc/net/unix', 'latin1').split('\n');
  return rows.filter(row => {
    const [, , , , , state, inode, name] = row.trim().split(/\s+/);
    return state === CONNECTED && inode !== '0' && name === path;
  }).length;
}
