/**
 * Connections to a Unix socket that have been accepted, as /proc/net/unix tells (proc_net(5)): under the hidden name
 * with which a listener of ours was bound.
 */
import { readFileSync } from 'node:fs';
import { HIDDEN_SUFFIX } from '../../src/os/address.ts';

const CONNECTED = '03';

export function connectionsTo(path: string): number {
  const rows = readFileSync('/proc/net/unix', 'latin1').split('\n');
  return rows.filter(row => {
    const [, , , , , state, inode, name] = row.trim().split(/\s+/);
    return state === CONNECTED && inode !== '0' && name === path + HIDDEN_SUFFIX;
  }).length;
}
