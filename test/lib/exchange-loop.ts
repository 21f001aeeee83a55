/**
 * Somebody who exchanges two names as fast as the kernel does it (renameat2(2) with RENAME_EXCHANGE), as an ordinary
 * user: what an attacker does to whoever looks first and acts then. Perl, because it does nothing else in between.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Place } from './place.ts';

const LOOP = `
use strict; use IO::Select;
my ($call, $one, $two) = @ARGV; my $count = 0;
my $stdin = IO::Select->new(\\*STDIN);
$| = 1; print "begun\\n";
until ($stdin->can_read(0)) {
  for (1 .. 100) { syscall($call + 0, -100, $one, -100, $two, 2) == 0 or die "renameat2: $!"; $count++ }
}
print "$count\\n";
`;
const RENAMEAT2 = process.arch === 'x64' ? 316 : 276;

/** @returns ends it, with the two names as they were. The result says how often they were exchanged */
export async function startExchange(
  place: Place,
  uid: number,
  one: string,
  two: string,
): Promise<() => Promise<number>> {
  const credentials = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const args = [...credentials, '--', 'perl', '-e', LOOP, String(RENAMEAT2), one, two];
  const child = spawn('setpriv', args, { stdio: ['pipe', 'pipe', 'inherit'] });
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
    return Number((await output).trim().split('\n').at(-1));
  };
}
