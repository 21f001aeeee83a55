/** A Perl program that an ordinary user runs in a loop, to meet what a test does. Perl, because it does nothing else in between. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Place } from './place.ts';

/**
 * @param program prints a line when it has begun, and ends when its stdin is closed
 * @returns ends it. The result is what it has printed, by lines, with the first
 */
export async function startPerlLoop(
  place: Place,
  uid: number,
  program: string,
  args: readonly string[],
): Promise<() => Promise<string[]>> {
  const credentials = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const child = spawn('setpriv', [...credentials, '--', 'perl', '-e', program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  place.defer(async () => {
    child.stdin.end();
    await exited;
  });
  const output = text(child.stdout);
  await once(child.stdout, 'data');
  return async () => {
    child.stdin.end();
    await exited;
    return (await output).trim().split('\n');
  };
}
