/**
 * Somebody who exchanges two names as fast as the kernel does it (renameat2(2) with RENAME_EXCHANGE), as an ordinary
 * user: what an attacker does to a program that looks first and acts then.
 */
import { startPerlLoop } from './perl-loop.ts';
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
  const end = await startPerlLoop(place, uid, LOOP, [String(RENAMEAT2), one, two]);
  return async () => Number((await end()).at(-1));
}
