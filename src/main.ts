#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { rememberSignals } from './os/early-signals.ts';

// Without a handler, SIGUSR1 opens Node's debugger port: this comes before anything of ours is loaded.
process.on('SIGUSR1', () => {});
// A signal to what becomes a keeper is for the keeper: one that ended this process now would leave behind what a killed
// keeper has left, and what was a keeper before it became this program.
const becomesKeeper = ['start', 'keeper'].some(command => process.argv.includes(command));
if (becomesKeeper && !process.argv.includes('--trial')) rememberSignals();

/** Node opens the modules of a program all at once: the supervisor does not load with less than a hundred. */
const LEAST_FILES = 128;
const files = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]);

if (files < LEAST_FILES) {
  process.stderr.write(
    `fpm-ts: this process may have only ${files} files open, and needs ${LEAST_FILES} to begin with: raise the limit (\`ulimit -Hn\`, LimitNOFILE= in a systemd unit)\n`,
  );
  process.exitCode = 1;
} else {
  const { main } = await import('./cli/program.ts');
  await main(process.argv, import.meta.filename);
}
