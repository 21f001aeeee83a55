/** Calls the supervisor over the control socket. */
import { request as httpRequest } from 'node:http';
import { FpmError } from '../errors.ts';
import { COMMANDS, type CommandName } from './commands.ts';
import { toFpmError } from './error-body.ts';
import type { Args, ErrorBody, Result } from './types.ts';

/** @throws {FpmError} NOT_RUNNING, NOT_ALLOWED, or what the supervisor answered */
export async function call<N extends CommandName>(
  socketPath: string,
  name: N,
  args: Args<N>,
): Promise<Result<N>> {
  const { method, path } = COMMANDS[name];
  const query = method === 'GET' ? queryOf(args) : '';
  const body = method === 'GET' ? '' : JSON.stringify(args);
  const answer = await exchange(socketPath, method, path + query, body);
  const value: unknown = JSON.parse(answer.text);
  if (answer.status !== 200) throw toFpmError(value as ErrorBody);
  return value as Result<N>;
}

function queryOf(args: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'control', ...(body !== '' && { 'content-length': Buffer.byteLength(body) }) };
    const request = httpRequest({ socketPath, method, path, headers, agent: false }, response => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
      response.on('error', error => reject(connectionError(socketPath, error)));
    });
    request.on('error', error => reject(connectionError(socketPath, error)));
    request.end(body);
  });
}

function connectionError(socketPath: string, error: NodeJS.ErrnoException): FpmError {
  const { code } = error;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new FpmError(
      'NOT_RUNNING',
      `no supervisor answers on ${socketPath}: start one with \`fpm-ts start\`, or name its configuration with -c FILE`,
    );
  }
  if (code === 'EACCES') {
    return new FpmError(
      'NOT_ALLOWED',
      `you may not enter the directory of ${socketPath}; root and the supervisor's user may`,
    );
  }
  return new FpmError('FAILED', `the supervisor on ${socketPath} broke off: ${error.message}`);
}
