/** The reason phrase of a status line: the program's own, else the one that everybody uses. */
import { STATUS_CODES } from 'node:http';
import type { ResponseHead } from '../protocols/cgi-response/head.ts';

export function reasonOf(head: ResponseHead): string {
  return head.reason !== '' ? head.reason : (STATUS_CODES[head.status] ?? '');
}
