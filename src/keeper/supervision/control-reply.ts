/** Answers of the control socket, the supervisor's and the keeper's: JSON, and the connection stays usable or is closed. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FpmError } from '../../errors.ts';
import { type Caller, mayAsk } from './access.ts';
import type { CommandRule } from './command-rule.ts';
import { ruleFor } from './control-request.ts';
import { errorBody, httpStatus } from './error-body.ts';
import { type Headers, RequestError } from './request-error.ts';

/** A client that takes nothing of its answer for so long is not waited for: answers are held in memory. */
const UNREAD_TIMEOUT_MS = 10_000;

/**
 * The command that is asked for. Who may use nothing of it is refused before a byte of the body is read.
 * @throws {RequestError} 404, 405; 403 whatever the arguments are
 */
export function admit<R extends CommandRule>(
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
  rules: readonly R[],
): R {
  const rule = ruleFor(request, rules);
  try {
    mayAsk(caller, rule, rules);
  } catch (error) {
    if (!(error instanceof FpmError)) throw error;
    throw new RequestError(httpStatus(error.code), error.message, { connection: 'close' }, error.code);
  }
  if (request.headers.expect !== undefined) response.writeContinue();
  return rule;
}

/** To a client that has left, it goes nowhere. @param after called when the client has it */
export function reply(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: object,
  headers: Headers = {},
  after: () => void = () => {},
): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    ...headers,
    ...(isBodyLeft(request) && { connection: 'close' }),
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.setTimeout(UNREAD_TIMEOUT_MS, () => response.destroy());
  response.end(text, after);
}

export function replyError(request: IncomingMessage, response: ServerResponse, error: FpmError): void {
  if (error instanceof RequestError) reply(request, response, error.status, errorBody(error), error.headers);
  else reply(request, response, httpStatus(error.code), errorBody(error));
}

/** The next request would stand behind a body that nobody reads. */
function isBodyLeft({ complete, headers }: IncomingMessage): boolean {
  return !complete && ('content-length' in headers || 'transfer-encoding' in headers);
}
