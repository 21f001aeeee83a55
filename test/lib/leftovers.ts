/** What a daemon may not leave behind: processes, socket files, sockets that somebody still holds. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './poll.ts';
import { descendants, describe, isAlive, kill, readStat, type Seen } from './processes.ts';

export interface Watch {
  /** Remembers these processes and all their descendants. */
  look(pids: readonly number[]): void;
  /** Those ever seen that are still there. */
  alive(): Seen[];
}

export function watchProcesses(): Watch {
  const seen = new Map<string, Seen>();
  return {
    look(pids) {
      const named = pids.map(readStat).filter(stat => stat !== undefined);
      for (const { pid, startTicks } of [...named, ...descendants(...pids)])
        seen.set(`${pid}/${startTicks}`, { pid, startTicks });
    },
    alive: () => [...seen.values()].filter(isAlive),
  };
}

/** Socket files under `directory`, and paths under it that the kernel still lists as bound. */
export function socketsUnder(directory: string): string[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isSocket())
    .map(entry => `socket file ${join(entry.parentPath, entry.name)}`);
  const held = readFileSync('/proc/self/net/unix', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/)[7])
    .filter(path => path?.startsWith(`${directory}/`))
    .map(path => `socket ${path} is still open`);
  return [...new Set([...files, ...held])];
}

/** Throws with a list of what is left; whatever process is left is killed, so that no test disturbs the next. */
export async function assertNothingLeft(watch: Watch, directory: string, deadlineMs = 5_000): Promise<void> {
  const complaints: string[] = [];
  try {
    await until(() => watch.alive().length === 0, { what: 'all processes to be gone', deadlineMs });
  } catch {
    for (const stray of watch.alive()) {
      complaints.push(`stray process ${stray.pid}: ${describe(stray.pid)}`);
      kill(stray, 'SIGKILL');
    }
  }
  complaints.push(...socketsUnder(directory));
  if (complaints.length > 0) throw new Error(`left behind:\n  ${complaints.join('\n  ')}`);
}
