/** The signals that may ask a worker to stop; those that cannot end a process, or mean something to the kernel, are left out. */
export const STOP_SIGNALS = [
  'TERM',
  'INT',
  'QUIT',
  'HUP',
  'USR1',
  'USR2',
  'WINCH',
  'ALRM',
  'ABRT',
  'KILL',
] as const;

export type StopSignal = `SIG${(typeof STOP_SIGNALS)[number]}`;

/** `TERM` and `SIGTERM` are the same; the text has been matched against `STOP_SIGNALS` before. */
export function stopSignalName(text: string): StopSignal {
  const bare = text.replace(/^SIG/, '');
  const known = STOP_SIGNALS.find(name => name === bare);
  if (!known) throw new RangeError(`not a stop signal: ${text}`);
  return `SIG${known}`;
}
