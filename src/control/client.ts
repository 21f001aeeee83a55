/** Calls the supervisor over the control socket. */
import { setTimeout as delay } from 'node:timers/promises';
import { lockHolder } from '../os/locks.ts';
import { COMMANDS, type Command, type CommandName } from './commands.ts';
import { toFpmError } from './error-body.ts';
import { exchange, SilenceError } from './exchange.ts';
import type { Args, ErrorBody, Result } from './types.ts';
import { brokeOff, isSilent, mayNotConnect, notRunning, withoutSupervisor } from './unreachable.ts';

/** Where an instance can be found. */
export interface Instance {
  readonly socket: string;
  /** Locked as long as its keeper lives. */
  readonly pidFile: string;
}

/** A supervisor that died, or that an upgrade has ended, is back before that, on a busy machine as well. */
const RESTART_PATIENCE_MS = 10_000;
const TRY_EVERY_MS = 50;

/** @throws {FpmError} NOT_RUNNING, NOT_ANSWERING, NOT_ALLOWED, or what the supervisor answered */
export async function call<N extends CommandName>(
  instance: Instance,
  name: N,
  args: Args<N>,
): Promise<Result<N>> {
  const command: Command = COMMANDS[name];
  // Whoever is to stop everything may have done so, and then nobody answers.
  const mayRepeat = command.mayBeRepeated && !(name === 'stop' && !('pools' in args));
  const isGet = command.method === 'GET';
  const answer = await untilThere(instance, command, mayRepeat, () =>
    exchange({
      socketPath: instance.socket,
      method: command.method,
      path: command.path + (isGet ? queryOf(args) : ''),
      body: isGet ? '' : JSON.stringify(args),
    }),
  );
  const value: unknown = JSON.parse(answer.text);
  if (answer.status !== 200) throw toFpmError(value as ErrorBody);
  return value as Result<N>;
}

function queryOf(args: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

/** Tries again while there is a keeper, which starts another supervisor when one has died. */
async function untilThere<T>(
  { socket, pidFile }: Instance,
  command: Command,
  mayRepeat: boolean,
  ask: () => Promise<T>,
): Promise<T> {
  let giveUpAtMs = Number.POSITIVE_INFINITY;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof SilenceError) throw isSilent(socket, error, command);
      const failure = error as NodeJS.ErrnoException;
      if (failure.code === 'EACCES') throw mayNotConnect(socket);
      if (!mayAskAgain(failure, mayRepeat)) throw brokeOff(socket, failure, command);
      const keeper = lockHolder(pidFile);
      if (keeper === null) throw notRunning(socket);
      giveUpAtMs = Math.min(giveUpAtMs, performance.now() + RESTART_PATIENCE_MS);
      if (performance.now() > giveUpAtMs) throw withoutSupervisor(socket, keeper, failure.code ?? '');
      await delay(TRY_EVERY_MS);
    }
  }
}

/** Nobody has heard the question, or it may be asked twice. */
function mayAskAgain({ code = '' }: NodeJS.ErrnoException, mayRepeat: boolean): boolean {
  // EAGAIN: the queue of the socket is full.
  return ['ENOENT', 'ECONNREFUSED', 'EAGAIN'].includes(code) || (mayRepeat && code === 'ECONNRESET');
}
