/**
 * `fpm-ts request POOL PATH`: one request, answered on standard output, what the program says on FCGI_STDERR
 * on standard error.
 */
import { Readable, type Writable } from 'node:stream';
import { EXIT, type ExitCode, FpmError } from '../errors.ts';
import { printable } from '../printable.ts';
import { errnoOf } from './client-error.ts';
import { explainFailure } from './explain-failure.ts';
import { buildParams } from './params.ts';
import { type PoolTarget, type Route, routeTo } from './pool-target.ts';
import { bodyFor, type Output, programOutput } from './program-output.ts';
import { reasonOf } from './reason.ts';
import { typedFacts } from './request-facts.ts';
import { requestReport } from './request-report.ts';
import type { Answer } from './request-types.ts';
import { sendRequest } from './send-request.ts';
import { type SpooledBody, spoolBody } from './spool.ts';

export interface PoolRequest {
  /** Path and query, or a whole http URL. */
  readonly target: string;
  /** GET, or POST where there is a body. */
  readonly method?: string | undefined;
  /** As curl's -H: `Name: value`. */
  readonly headers?: readonly string[] | undefined;
  /** A stream is read to its end before the request is sent, because CGI needs its length. */
  readonly body?: Buffer | Readable | null | undefined;
  /** As curl's -i: status line and headers before the body. */
  readonly include?: boolean | undefined;
  /** One JSON object instead of the answer itself. */
  readonly json?: boolean | undefined;
  /** The body as it is, also on a terminal. */
  readonly raw?: boolean | undefined;
  /** How long the program may be silent; 60 s. 0 is no limit. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RequestIo {
  readonly stdout: Output;
  readonly stderr: Output;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * @returns 0 when the answer's status is below 400, else 1, as curl --fail-with-body has it.
 * @throws FpmError USAGE for what cannot be sent, FAILED when there is no answer or half of one.
 */
export async function runRequest(pool: PoolTarget, request: PoolRequest, io: RequestIo): Promise<ExitCode> {
  const route = routeTo(pool);
  const body = request.body instanceof Readable ? await spool(request.body) : (request.body ?? null);
  try {
    return await ask(pool, route, request, body, io);
  } catch (error) {
    if (error instanceof FpmError) throw error;
    throw new FpmError('FAILED', explainFailure(pool.name, route, error).text);
  } finally {
    if (isSpooled(body)) await body.close();
  }
}

async function spool(body: Readable): Promise<SpooledBody> {
  try {
    return await spoolBody(body);
  } catch (error) {
    throw new FpmError(
      'FAILED',
      `the body cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function isSpooled(body: Buffer | SpooledBody | null): body is SpooledBody {
  return body !== null && 'lengthBytes' in body;
}

async function ask(
  pool: PoolTarget,
  route: Route,
  request: PoolRequest,
  body: Buffer | SpooledBody | null,
  io: RequestIo,
): Promise<ExitCode> {
  const lengthBytes = isSpooled(body) ? body.lengthBytes : (body?.length ?? null);
  const stderr: Buffer[] = [];
  // Each write looks at its own error; without a listener Node would end the process for it as well.
  io.stdout.on('error', () => {});
  const answer = await sendRequest({
    ...route,
    params: buildParams(typedFacts(request, lengthBytes), pool),
    body: isSpooled(body) ? body.stream : body,
    timeoutMs: request.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    signal: request.signal,
    onStderr: request.json ? chunk => void stderr.push(chunk) : programOutput(io.stderr),
  });
  if (request.json) await write(io.stdout, await requestReport(answer, stderr));
  else await print(answer, request, io.stdout);
  return answer.head.status < 400 ? EXIT.ok : EXIT.failed;
}

async function print({ head, body }: Answer, request: PoolRequest, stdout: Output): Promise<void> {
  if (request.include === true) {
    const lines = head.fields.map(([name, value]) => `${name}: ${value}`);
    const status = `HTTP/1.1 ${head.status} ${reasonOf(head)}`.trimEnd();
    const bytes = Buffer.from(`${[status, ...lines].join('\r\n')}\r\n\r\n`, 'latin1');
    if (!(await write(stdout, stdout.isTTY === true ? printable(bytes.toString()) : bytes))) return;
  }
  const fit = bodyFor(stdout, request.raw);
  for await (const chunk of body) if (!(await write(stdout, fit(chunk)))) return;
}

/** @returns false when nobody reads any more: `... | head` has seen enough, and that is no failure. */
function write(stdout: Writable, bytes: Buffer | string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stdout.write(bytes, error => {
      if (error === null || error === undefined) resolve(true);
      else if (errnoOf(error) === 'EPIPE') resolve(false);
      else reject(new FpmError('FAILED', `the answer cannot be written: ${error.message}`));
    });
  });
}
