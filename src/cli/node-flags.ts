/** Options of Node for our two processes, which run for months and should be small. */

/**
 * SIGUSR1 opens Node's debugger until a program has a handler, for every user of the machine to connect to. At an
 * address that nobody has (RFC 5737, TEST-NET-1) it cannot be opened.
 */
export const NO_DEBUGGER = '--inspect-port=192.0.2.1:9229';

/**
 * Little new memory before each collection, few threads of V8's own: a supervisor with 1,000 workers in 100 pools has
 * 82 MB resident instead of 150. With less, or with --optimize-for-size, a start of hundreds of pools collects every
 * few milliseconds.
 */
export const SUPERVISOR_FLAGS: readonly string[] = [
  '--max-semi-space-size=2',
  '--v8-pool-size=1',
  NO_DEBUGGER,
];

/**
 * The keeper does little and copies lines: optimized code takes 4 MB more, and 400,000 log lines as much CPU. A keeper
 * in the foreground is the process that was started, whose options are its caller's.
 */
export const KEEPER_FLAGS: readonly string[] = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--v8-pool-size=1',
  '--no-opt',
  NO_DEBUGGER,
];
