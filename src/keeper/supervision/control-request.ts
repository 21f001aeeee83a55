/** What a client asks for: the command by method and path, its arguments from the query or the body. */
import type { IncomingMessage } from 'node:http';
import { FpmError } from '../../errors.ts';
import { type CommandRule, pathOf, type RawArgs } from './command-rule.ts';
import { ClientLeft, RequestError } from './request-error.ts';

const BODY_LIMIT_BYTES = 64 * 1024;

/** @throws {RequestError} 404, 405; {FpmError} USAGE */
export function ruleFor<R extends CommandRule>(request: IncomingMessage, rules: readonly R[]): R {
  const { pathname } = url(request);
  const rule = rules.find(it => pathOf(it) === pathname);
  if (rule === undefined) {
    const known = rules.map(it => `${it.method} ${pathOf(it)}`);
    throw new RequestError(404, `there is no ${pathname}; there are ${known.join(', ')}`);
  }
  const { method } = rule;
  if (method === request.method) return rule;
  throw new RequestError(405, `${pathname} takes ${method}, not ${request.method}`, { allow: method });
}

/**
 * A GET has its arguments in the query, a POST as JSON in its body; no body is no arguments.
 * @throws {FpmError} USAGE; {ClientLeft}
 */
export async function argumentsOf(request: IncomingMessage): Promise<RawArgs> {
  if (request.method === 'GET') return queried(url(request).searchParams);
  const text = (await readBody(request)).trim();
  const value = text === '' ? {} : parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as RawArgs;
  throw new FpmError('USAGE', 'the body must be a JSON object, such as {"pools":["www"]}');
}

/** A name that stands there more than once has a list of values. */
function queried(query: URLSearchParams): RawArgs {
  return Object.fromEntries(
    [...new Set(query.keys())].map(name => {
      const values = query.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

function url(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', 'http://control');
  } catch {
    throw new FpmError('USAGE', `${request.url} is no path`);
  }
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
