/** A program's answer on its way to the HTTP client. */
import type { ServerResponse } from 'node:http';
import { Transform, type TransformCallback } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type { ResponseHead } from '../protocols/cgi-response/head.ts';
import { ClientError } from './client-error.ts';
import { reasonOf } from './reason.ts';
import type { Answer } from './request-types.ts';

/** RFC 9110, section 7.6.1: fields that belong to one connection, of which the program knows nothing. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Sends the answer, at the client's pace. A local redirect goes to the client as 302, as with nginx.
 * @throws what broke the answer off; the response is destroyed then, so that the client does not take half of
 * an answer for a whole one.
 */
export async function sendAnswer(answer: Answer, method: string, response: ServerResponse): Promise<void> {
  const { head, body } = answer;
  const hasBody = method !== 'HEAD' && head.status !== 204 && head.status !== 304;
  response.writeHead(head.status, reasonOf(head), passedFields(head));
  if (!hasBody) {
    response.end();
    // The program is not cut off for answering more than HTTP lets it.
    await finished(body.resume());
    return;
  }
  response.flushHeaders();
  if (head.contentLengthBytes === null) await pipeline(body, response);
  else await pipeline(body, new ExactLength(head.contentLengthBytes), response);
}

function passedFields(head: ResponseHead): string[] {
  const isBodiless = head.status === 204;
  return head.fields
    .filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()))
    .filter(([name]) => !(isBodiless && name.toLowerCase() === 'content-length'))
    .flat();
}

/** Holds a body to its Content-Length: more bytes would be the next answer on a kept connection. */
class ExactLength extends Transform {
  #bytesLeft: number;

  constructor(lengthBytes: number) {
    super();
    this.#bytesLeft = lengthBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const passed = chunk.subarray(0, this.#bytesLeft);
    this.#bytesLeft -= passed.length;
    done(null, passed);
  }

  override _flush(done: TransformCallback): void {
    if (this.#bytesLeft === 0) done();
    else
      done(
        new ClientError('CLOSED', `the answer is ${this.#bytesLeft} bytes shorter than its Content-Length`),
      );
  }
}
