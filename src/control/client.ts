/** Calls the supervisor over the control socket. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Args, type CommandName, commandNamed, type Result } from '../commands/commands.ts';
import { FpmError } from '../errors.ts';
import { type CommandRule, pathOf, type RawArgs } from '../keeper/supervision/command-rule.ts';
import { type ErrorBody, toFpmError } from '../keeper/supervision/error-body.ts';
import type { Status } from '../observe/status.ts';
import { keeperFor } from '../os/keepers.ts';
import { lockHolder } from '../os/locks.ts';
import { type Answer, exchange, SilenceError } from './exchange.ts';
import type { Instance } from './instance.ts';
import { mustBeTrusted } from './trusted-server.ts';
import { brokeOff, isSilent, mayNotConnect, notRunning, withoutSupervisor } from './unreachable.ts';

/** A supervisor that died, or that an upgrade has ended, is back before that, on a busy machine as well. */
const RESTART_PATIENCE_MS = 10_000;
/** What somebody has removed of its files is there again before that. */
const UPKEEP_PATIENCE_MS = 3000;
const TRY_EVERY_MS = 50;
const GLANCE_MS = 2000;

interface Repeatable extends CommandRule {
  mayBeRepeated(args: RawArgs): boolean;
}

/** @throws {FpmError} NOT_RUNNING, NOT_ANSWERING, NOT_ALLOWED, or what the supervisor answered */
export async function call<N extends CommandName>(
  instance: Instance,
  name: N,
  args: Args<N>,
): Promise<Result<N>> {
  const command: Repeatable = commandNamed(name);
  const mayRepeat = command.mayBeRepeated(args);
  const isGet = command.method === 'GET';
  const answer = await untilThere(instance, command, mayRepeat, socketPath =>
    exchange({
      socketPath,
      method: command.method,
      path: pathOf(command) + (isGet ? queryOf(args) : ''),
      body: isGet ? '' : JSON.stringify(args),
      mayAnswer: uid => mustBeTrusted(uid, { ...instance, socket: socketPath }),
    }),
  );
  const value: unknown = JSON.parse(answer.text);
  if (answer.status !== 200) throw toFpmError(value as ErrorBody);
  return value as Result<N>;
}

/** A look for what is nice to know, once and not for long. @returns null when nobody answers, or not to this caller */
export async function glance({ socket, configFile }: Instance): Promise<Status | null> {
  const path = pathOf({ name: 'status' }) + queryOf({ processes: 'no' });
  const look = (socketPath: string): Promise<{ readonly status: number; readonly text: string }> =>
    exchange({
      socketPath,
      method: 'GET',
      path,
      body: '',
      silenceMs: GLANCE_MS,
      mayAnswer: uid => mustBeTrusted(uid, { socket: socketPath, configFile }),
    });
  try {
    const { status, text } = await look(socket).catch(async () =>
      look((configFile === null ? null : await elsewhere(configFile)) ?? socket),
    );
    return status === 200 ? (JSON.parse(text) as Status) : null;
  } catch {
    return null;
  }
}

/** A list is its name several times. */
function queryOf(args: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(args))
    for (const one of [value].flat()) if (one !== undefined) query.append(name, String(one));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

/** Tries again while there is a keeper, which starts another supervisor when one has died. */
async function untilThere(
  instance: Instance,
  command: CommandRule,
  mayRepeat: boolean,
  ask: (socketPath: string) => Promise<Answer>,
): Promise<Answer> {
  const { configFile } = instance;
  let { socket } = instance;
  let giveUpAtMs = Number.POSITIVE_INFINITY;
  for (;;) {
    try {
      const answer = await ask(socket);
      if (!isBusy(answer)) return answer;
      giveUpAtMs = Math.min(giveUpAtMs, performance.now() + RESTART_PATIENCE_MS);
      if (performance.now() > giveUpAtMs) return answer;
      await delay(TRY_EVERY_MS);
    } catch (error) {
      if (error instanceof FpmError) throw error;
      if (error instanceof SilenceError) throw isSilent(socket, error, command);
      const failure = error as NodeJS.ErrnoException;
      if (failure.code === 'EACCES') throw mayNotConnect(socket);
      if (!mayAskAgain(failure, mayRepeat)) throw brokeOff(socket, failure, command);
      const keeper = lockHolder(instance);
      if (keeper === null && (configFile === null || keeperFor(configFile) === null))
        throw await notRunning(instance);
      const found = configFile === null ? null : await elsewhere(configFile);
      if (found !== null && found !== socket) {
        socket = found;
        continue;
      }
      // Without its pid file it is on its way up or down, or somebody has removed its run directory, which it makes anew.
      const patienceMs = keeper === null ? UPKEEP_PATIENCE_MS : RESTART_PATIENCE_MS;
      giveUpAtMs = Math.min(giveUpAtMs, performance.now() + patienceMs);
      if (performance.now() > giveUpAtMs)
        throw keeper === null
          ? await notRunning(instance)
          : withoutSupervisor(socket, keeper, failure.code ?? '');
      await delay(TRY_EVERY_MS);
    }
  }
}

/** Where the supervisor listens that runs with that file. Loaded only now: the binding to the C library takes long. */
async function elsewhere(configFile: string): Promise<string | null> {
  const { runningSocket } = await import('./running-socket.ts');
  return runningSocket(configFile);
}

/** There was no place for us: nothing was done. */
function isBusy({ status, text }: Answer): boolean {
  return (status === 503 || status === 429) && (JSON.parse(text) as ErrorBody).error.code === 'BUSY';
}

/** Nobody has heard the question, or it may be asked twice. */
function mayAskAgain({ code = '' }: NodeJS.ErrnoException, mayRepeat: boolean): boolean {
  // EAGAIN: the queue of the socket is full.
  return ['ENOENT', 'ECONNREFUSED', 'EAGAIN'].includes(code) || (mayRepeat && code === 'ECONNRESET');
}
