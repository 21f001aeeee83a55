/** What a client is told instead of a script's answer: a CGI response with a status and one line of text. */
import type { Exchange } from '../../protocols/incoming-exchange.ts';

const TEXTS = {
  400: ['Bad Request', 'The request is broken.'],
  403: ['Forbidden', 'This may not be run.'],
  404: ['Not Found', 'There is no such script.'],
  431: ['Request Header Fields Too Large', 'The request has more header fields than a program can be given.'],
  500: ['Internal Server Error', 'The script could not be run.'],
  501: ['Not Implemented', 'Scripts that write their own HTTP headers (nph-) are not run here.'],
  502: ['Bad Gateway', 'The script gave no valid answer.'],
  503: ['Service Unavailable', 'Too much is running already. Please try again.'],
  504: ['Gateway Timeout', 'The script took too long.'],
} as const;

export type RefusalStatus = keyof typeof TEXTS;

/** Of 503. It is a matter of moments, and every client that asks again at once makes it worse. */
const RETRY_AFTER_SECONDS = 1;

/** Answers with it, and with nothing else. */
export function refuse(exchange: Pick<Exchange, 'write' | 'end'>, status: number): void {
  exchange.write(refusalResponse(status));
  exchange.end();
}

/** The whole response. It names no file: what happened where is for the log. */
export function refusalResponse(asked: number): Buffer {
  const status = isKnown(asked) ? asked : 500;
  const [reason, text] = TEXTS[status];
  const retry = status === 503 ? `Retry-After: ${RETRY_AFTER_SECONDS}\r\n` : '';
  const body = `${status} ${reason}\n${text}\n`;
  const head = `Status: ${status} ${reason}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n`;
  return Buffer.from(`${head}${retry}\r\n${body}`, 'latin1');
}

function isKnown(status: number): status is RefusalStatus {
  return status in TEXTS;
}
