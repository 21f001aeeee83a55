/**
 * The CGI host: accepts requests on descriptor 0, as every worker does, and runs a script for each. On SIGTERM it
 * accepts no more, finishes what it has, and ends.
 */
import { closeSync, openSync } from 'node:fs';
import { FpmError } from '../../errors.ts';
import { closeInheritedOnExec } from '../../os/descriptor.ts';
import { setSoftFileLimit } from '../../os/file-limit.ts';
import { Poller } from '../../os/poller.ts';
import { DEFAULT_PATH } from '../../os/programs.ts';
import type { Exchange, ExchangeHandler } from '../../protocols/incoming-exchange.ts';
import { listen, type Server } from '../../server/socket-server.ts';
import { VERSION } from '../../version.ts';
import { giveUpRoot } from '../give-up-root.ts';
import { namedUser } from '../named-user.ts';
import { Admission } from './admission.ts';
import { createLocator, type Locator } from './finding/locate.ts';
import { limitPrefix } from './limits.ts';
import { isRefusal, type Refusal } from './located.ts';
import { refuse } from './refusal.ts';
import { Report } from './report.ts';
import { type RequestTools, ScriptRequest } from './request.ts';
import { Endings } from './running/endings.ts';
import type { CgiSettings } from './settings.ts';
import { TimeLimit } from './time-limit.ts';
import { bodyBytes, requestVariables } from './variables.ts';

const LISTENER_DESCRIPTOR = 0;
/** Web servers that multiplex are rare, and those that do open a few. */
const MOST_REQUESTS_A_CONNECTION = 256;

/** Node's own, the poller, the roots, and connections that have no request yet. */
const FILES_OF_OURS = 128;
/** Its connection, file, directory, both ends of three pipes, and a pidfd. */
const FILES_A_SCRIPT = 10;
const FILES_A_WAITING_ONE = 3;
const SCRIPTS_WITHOUT_LIMIT = 10_000;

/**
 * Serves until SIGTERM or SIGINT, and then until everything is answered.
 * @returns the exit code
 * @throws {Error} when descriptor 0 is no listening socket, or it cannot begin for another reason
 */
export async function runCgiHost(settings: CgiSettings): Promise<number> {
  closeInheritedOnExec(); // scripts get nothing that whoever started us left open
  setSoftFileLimit(neededFiles(settings));
  const locator = createLocator(settings);
  const tools = createTools(settings);
  const { poller, report, endings, nothing } = tools;
  const server = begin(settings, locator, tools);
  await new Promise<void>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
  await server.stop();
  await endings.settled();
  poller.close();
  locator.close();
  closeSync(nothing);
  report.close();
  return 0;
}

/**
 * What the host itself may have open at once. Scripts inherit the limit, so it is not as high as it could be: a program
 * that closes whatever it might have open takes its time with a million.
 */
function neededFiles({ maxScripts, maxQueue }: CgiSettings): number {
  return (
    FILES_OF_OURS +
    FILES_A_SCRIPT * (maxScripts === 0 ? SCRIPTS_WITHOUT_LIMIT : maxScripts) +
    FILES_A_WAITING_ONE * 2 * maxQueue // as many may wait, and as many have not begun to send their body
  );
}

/** Gives up root when all is loaded and opened that the user might not reach, and before anything is read. */
function begin(settings: CgiSettings, locator: Locator, tools: RequestTools): Server {
  const { poller, report } = tools;
  try {
    becomeUser(settings.user);
    return listen({
      descriptor: LISTENER_DESCRIPTOR,
      protocol: settings.protocol,
      poller,
      answer: exchange => answer(exchange, locator, tools),
      maxParamsBytes: settings.maxParamsBytes,
      maxRequestsPerConnection: MOST_REQUESTS_A_CONNECTION,
      maxRequests:
        settings.maxScripts === 0 ? MOST_REQUESTS_A_CONNECTION : settings.maxScripts + settings.maxQueue,
      complain: problem => report.say(problem),
    });
  } catch (error) {
    poller.close(); // it would keep this process
    throw error;
  }
}

function becomeUser(name: string | null): void {
  if (name === null) return;
  const identity = namedUser(name);
  if (identity === null) throw new FpmError('USAGE', `cgi: --user ${name}: there is no such user`);
  giveUpRoot(identity);
}

function createTools(settings: CgiSettings): RequestTools {
  const fixed = { PATH: process.env.PATH ?? DEFAULT_PATH, ...settings.env };
  return {
    poller: new Poller(),
    report: new Report(),
    endings: new Endings(settings.killAfterMs),
    nothing: openSync('/dev/null', 'r'),
    admission: new Admission<ScriptRequest>(settings),
    timeLimit: new TimeLimit<ScriptRequest>(settings.timeoutMs, request => request.expired()),
    limits: limitPrefix(settings),
    scriptPaths: settings.scriptPaths,
    timeoutMs: settings.timeoutMs,
    killAfterMs: settings.killAfterMs,
    fixedVariables: new Map(Object.entries(fixed).map(([name, value]) => [name, Buffer.from(value)])),
    software: Buffer.from(`fpm-ts/${VERSION}`),
  };
}

/** After a refusal nothing of the request matters any more. */
const DEAF: ExchangeHandler = { body() {}, bodyEnd() {}, drained() {}, gone() {} };

function answer(exchange: Exchange, locator: Locator, tools: RequestTools): ExchangeHandler {
  const refused = ({ status, reason }: Refusal): ExchangeHandler => {
    tools.report.say(`${status}: ${reason}`);
    refuse(exchange, status);
    return DEAF;
  };
  const variables = requestVariables(exchange.params);
  if (isRefused(variables)) return refused(variables);
  const length = bodyBytes(variables);
  if (isRefused(length)) return refused(length);
  const script = locator.locate(variables);
  if (isRefusal(script)) return refused(script);
  return new ScriptRequest(tools, exchange, { script, variables, bodyBytes: length });
}

function isRefused(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'reason' in value;
}
