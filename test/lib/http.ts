/** One HTTP request over its own connection, that also tells an answer cut short from a whole one. */
import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** False when the connection closed before the end of the body. */
  readonly complete: boolean;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** Ask over this Unix socket; the host of the URL is then only a name. */
  readonly socketPath?: string;
  readonly signal?: AbortSignal;
}

export function ask(url: string, asked: Asked = {}): Promise<Answer> {
  const body = asked.body === undefined ? undefined : Buffer.from(asked.body);
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent: false,
      method: asked.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { ...asked.headers, ...(body === undefined ? {} : { 'content-length': body.length }) },
      ...(asked.socketPath === undefined ? {} : { socketPath: asked.socketPath }),
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    });
    outgoing.on('error', reject);
    outgoing.on('response', incoming => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      // After an answer that was cut short 'error' comes, then 'close': the part that came is the result.
      incoming.on('error', () => {});
      incoming.on('close', () => {
        const whole = Buffer.concat(chunks);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: whole,
          text: whole.toString(),
          complete: incoming.complete,
        });
      });
    });
    outgoing.end(body);
  });
}

export interface UploadedFile {
  readonly field: string;
  readonly name: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

/** Posts files as a browser's form does. */
export async function upload(url: string, files: readonly UploadedFile[]): Promise<Answer> {
  const form = new FormData();
  for (const file of files) form.append(file.field, new Blob([file.content]), file.name);
  const encoded = new Response(form);
  const type = encoded.headers.get('content-type') ?? '';
  return ask(url, { headers: { 'content-type': type }, body: Buffer.from(await encoded.arrayBuffer()) });
}

export function md5(data: Uint8Array | string): string {
  return createHash('md5').update(data).digest('hex');
}
