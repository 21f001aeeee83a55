/**
 * Signals that come before there is anybody to act on them. Node puts every signal back to its default as it starts,
 * so a keeper that becomes another program (execve(2)) can be ended by one until this file is loaded: it must be the
 * first, and load nothing itself.
 */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

const came: NodeJS.Signals[] = [];
const remember = (signal: NodeJS.Signals): void => void came.push(signal);

/** From now on none of them ends the process. */
export function rememberSignals(): void {
  for (const signal of SIGNALS) process.on(signal, remember);
}

/** This process does not become a keeper: signals do what they do to any other, those that have come as well. */
export function heedSignals(): void {
  for (const signal of takeEarlySignals()) process.kill(process.pid, signal);
}

/** For whoever has handlers of its own by now. @returns what has come so far */
export function takeEarlySignals(): NodeJS.Signals[] {
  for (const signal of SIGNALS) process.off(signal, remember);
  return came.splice(0);
}
