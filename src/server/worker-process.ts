/** What a program that is nothing but a worker does about its process. */
import { describeError } from './describe-error.ts';

/**
 * SIGTERM and SIGINT end it when everything in hand is answered; a second one changes nothing.
 * @param stop resolves when everything is answered
 * @param complain takes one line for the log
 */
export function takeCareOfProcess(stop: () => Promise<void>, complain: (problem: string) => void): void {
  let isStopping = false;
  const end = (): void => {
    if (isStopping) return;
    isStopping = true;
    // Not only process.exitCode: what else the program has open, a connection to a database say, would hold it up.
    void stop().then(() => process.exit());
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  // Without a handler Node answers SIGUSR1 by opening its debugger's port.
  process.on('SIGUSR1', () => {});
  process.on('unhandledRejection', reason => {
    // A client that goes away in the middle must not be able to end the worker, whatever the program forgot to await.
    if (process.listenerCount('unhandledRejection') === 1) {
      complain(`a rejected promise that nobody handles: ${describeError(reason)}`);
    }
  });
}
