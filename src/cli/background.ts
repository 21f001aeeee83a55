/** `start --daemonize`: starts the keeper in a session of its own and waits for its word. */
import { closeSync, openSync, readSync } from 'node:fs';
import { FpmError } from '../errors.ts';
import type { Announcement } from '../keeper/announcer.ts';
import { ownEnvironment } from '../os/environment.ts';
import { programAsStarted } from './installed-program.ts';
import { KEEPER_FLAGS } from './node-flags.ts';

/** Where the keeper finds the pipe to us. */
export const ANNOUNCE_DESCRIPTOR = 3;

/** @returns what the keeper announced, and its pid. @throws {FpmError} when it could not say anything */
export async function startInBackground(
  configFile: string,
  json: boolean,
): Promise<Announcement & { readonly pid: number }> {
  const [{ spawn }, { closeInheritedOnExec, outputPipe, setNonblocking }, { restoreSoftFileLimit }] =
    await Promise.all([
      import('../os/spawn.ts'),
      import('../os/descriptor.ts'),
      import('../os/file-limit.ts'),
    ]);
  closeInheritedOnExec(); // a lock of whoever called us must not be held for as long as the daemon runs
  restoreSoftFileLimit(); // the keeper takes its parent's limit for what workers inherit
  const pipe = outputPipe();
  const nowhere = openSync('/dev/null', 'r');
  const { node, entry } = programAsStarted();
  const argv = [
    node,
    ...process.execArgv,
    ...KEEPER_FLAGS,
    entry,
    'keeper',
    '--config',
    configFile,
    ...(json ? ['--json'] : []),
  ];
  const descriptors = new Map([
    [0, nowhere],
    [1, 1],
    [2, 2],
    [ANNOUNCE_DESCRIPTOR, pipe.write],
  ]);
  const pid = spawn({ path: node, argv, env: ownEnvironment(), descriptors });
  closeSync(pipe.write);
  closeSync(nowhere);
  setNonblocking(pipe.read, false);
  const text = readToEnd(pipe.read);
  if (text === '') throw new FpmError('FAILED', 'the keeper ended before it could say why');
  return { ...(JSON.parse(text) as Announcement), pid };
}

/** Blocks: there is nothing else to do, and the other end is closed when the keeper speaks or dies. */
function readToEnd(descriptor: number): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(64 * 1024);
    const count = readSync(descriptor, chunk);
    if (count === 0) return Buffer.concat(chunks).toString();
    chunks.push(chunk.subarray(0, count));
  }
}
