/** What a client asks for: the command by method and path, its arguments from the query or the body. */
import type { IncomingMessage } from 'node:http';
import { FpmError } from '../errors.ts';
import { COMMANDS, type CommandName } from './commands.ts';
import { ClientLeft, RequestError } from './request-error.ts';
import { SCHEMAS } from './schemas.ts';
import type { Args } from './types.ts';

const BODY_LIMIT_BYTES = 64 * 1024;

/** @throws {RequestError} 404, 405 */
export function commandOf(request: IncomingMessage): CommandName {
  const { pathname } = url(request);
  for (const [name, command] of Object.entries(COMMANDS)) {
    if (command.path !== pathname) continue;
    if (command.method === request.method) return name as CommandName;
    throw new RequestError(405, `${pathname} takes ${command.method}, not ${request.method}`, {
      allow: command.method,
    });
  }
  const known = Object.values(COMMANDS).map(({ method, path }) => `${method} ${path}`);
  throw new RequestError(404, `there is no ${pathname}; there are ${known.join(', ')}`);
}

function url(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', 'http://control');
  } catch {
    throw new FpmError('USAGE', `${request.url} is no path`);
  }
}

/**
 * A GET has its arguments in the query, a POST as JSON in its body; no body is no arguments.
 * @throws {FpmError} USAGE; {ClientLeft}
 */
export async function argumentsOf<N extends CommandName>(
  name: N,
  request: IncomingMessage,
): Promise<Args<N>> {
  if (request.method === 'GET') return parse(name, Object.fromEntries(url(request).searchParams));
  const text = (await readBody(request)).trim();
  return parse(name, text === '' ? {} : parseJson(text));
}

/** Not with `for await`, which closes the connection when it is left early: an answer would not arrive. */
function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= BODY_LIMIT_BYTES) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      reject(new RequestError(413, `the body is longer than ${BODY_LIMIT_BYTES} bytes`));
    });
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    // Whatever ends it early (a reset, a timeout) is the client's doing. Without a listener, 'error' would be ours.
    request.on('error', () => reject(new ClientLeft()));
    request.on('close', () => reject(new ClientLeft()));
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FpmError('USAGE', 'the body is not JSON');
  }
}

function parse<N extends CommandName>(name: N, args: unknown): Args<N> {
  const parsed = SCHEMAS[name].args.safeParse(args);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'arguments'}: ${message}`,
  );
  throw new FpmError('USAGE', `${name}: ${issues.join('; ')}`);
}
