/** `fpm-ts request --json`: the whole answer as one object. */
import { isUtf8 } from 'node:buffer';
import { buffer } from 'node:stream/consumers';
import { jsonText } from '../printable.ts';
import { reasonOf } from './reason.ts';
import type { Answer } from './request-types.ts';

/** @returns JSON and a line end; a body that is not UTF-8 stands in base64. */
export async function requestReport(answer: Answer, stderr: readonly Buffer[]): Promise<string> {
  const body = await buffer(answer.body);
  const end = await answer.end;
  const isText = isUtf8(body);
  const report = {
    status: answer.head.status,
    reason: reasonOf(answer.head),
    headers: answer.head.fields,
    body: body.toString(isText ? 'utf8' : 'base64'),
    body_encoding: isText ? 'utf8' : 'base64',
    stderr: Buffer.concat(stderr).toString('utf8'),
    app_status: end?.appStatus ?? null,
  };
  return `${jsonText(report)}\n`;
}
