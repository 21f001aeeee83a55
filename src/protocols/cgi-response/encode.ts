/** A response head as bytes, as a CGI program says it (RFC 3875, section 6). */
import { formatField } from './field.ts';
import type { ResponseHead } from './head.ts';

/** What is said of a head; the rest of ResponseHead follows from it. */
export type SaidHead = Pick<ResponseHead, 'kind' | 'status' | 'reason' | 'fields'>;

/**
 * The fields in their order, behind Status where the status does not follow from them; read back, it is the same
 * head. It is longer than what was read by three bytes a line at most and one line, so it has the reader's bounds.
 * @throws ProtocolError CGI_HEADER for a name, value or reason that cannot stand in a header line.
 */
export function encodeHead(head: SaidHead): Buffer {
  const lines = head.fields.map(formatField);
  if (saysStatus(head)) lines.unshift(formatField(['Status', `${head.status} ${head.reason}`.trimEnd()]));
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** A redirect that is left to the web server has no Status, and by that the web server knows it. */
function saysStatus({ kind, status, reason, fields }: SaidHead): boolean {
  // A head cannot be empty.
  if (fields.length === 0) return true;
  if (kind === 'local-redirect' || kind === 'client-redirect') return false;
  return kind === 'client-redirect-document' || status !== 200 || reason !== '';
}
