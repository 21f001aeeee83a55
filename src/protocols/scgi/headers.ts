/**
 * The header block of an SCGI request (the SCGI protocol, https://python.ca/scgi/protocol.txt): names and
 * values, each ended by NUL; CONTENT_LENGTH first, SCGI=1 somewhere, no name twice.
 */

import { type Pair, type PairInput, pairBytes } from '../pair.ts';
import { MAX_PARAMS } from '../param-limits.ts';
import { ProtocolError } from '../protocol-error.ts';

const NUL = 0;
const NUL_BYTE: Buffer = Buffer.of(NUL);
const CONTENT_LENGTH = 'CONTENT_LENGTH';

/**
 * The block without its netstring. CONTENT_LENGTH and SCGI are set here; what the caller's headers say of
 * them is left out, so that they stand once, and where they must.
 * @throws ProtocolError SCGI_HEADERS for an empty or repeated name, or NUL in a name or value.
 */
export function encodeScgiHeaders(contentLengthBytes: number, headers: Iterable<PairInput>): Buffer {
  const pieces: Uint8Array[] = [
    Buffer.from([CONTENT_LENGTH, contentLengthBytes, 'SCGI', '1', ''].join('\0'), 'latin1'),
  ];
  const names = new Set<string>([CONTENT_LENGTH, 'SCGI']);
  for (const [name, value] of headers) {
    const nameBytes = pairBytes(name);
    const valueBytes = pairBytes(value);
    const key = nameBytes.toString('latin1');
    if (key === CONTENT_LENGTH || key === 'SCGI') continue;
    checkHeader(key, valueBytes, names);
    pieces.push(nameBytes, NUL_BYTE, valueBytes, NUL_BYTE);
  }
  return Buffer.concat(pieces);
}

function checkHeader(name: string, value: Buffer, names: Set<string>): void {
  if (name === '' || name.includes('\0') || value.includes(NUL)) {
    throw new ProtocolError('SCGI_HEADERS', `${JSON.stringify(name)} or its value cannot be sent over SCGI`);
  }
  if (names.has(name)) throw new ProtocolError('SCGI_HEADERS', `the header ${name} stands twice`);
  names.add(name);
}

function isNamed([name]: Pair, wanted: string): boolean {
  return name.length === wanted.length && name.toString('latin1') === wanted;
}

/**
 * The headers of a block, as views of it. A name may stand twice, other than the protocol has it: nginx sends
 * each field of the client by itself. Of CONTENT_LENGTH only the first is kept, which must be the first header;
 * nginx sends it again, perhaps empty, where its configuration names it.
 * @throws ProtocolError SCGI_HEADERS where the block breaks another rule, or says two lengths; SCGI_TOO_LONG
 * for more than MAX_PARAMS headers.
 */
export function decodeScgiHeaders(block: Buffer): Pair[] {
  const headers: Pair[] = [];
  let at = 0;
  while (at < block.length) {
    if (headers.length === MAX_PARAMS) {
      throw new ProtocolError('SCGI_TOO_LONG', `more than ${MAX_PARAMS} SCGI headers`);
    }
    const nameEnd = block.indexOf(NUL, at);
    const valueEnd = nameEnd < 0 ? -1 : block.indexOf(NUL, nameEnd + 1);
    if (valueEnd < 0) throw new ProtocolError('SCGI_HEADERS', 'a header is not ended by NUL');
    if (nameEnd === at) throw new ProtocolError('SCGI_HEADERS', 'a header has no name');
    headers.push([block.subarray(at, nameEnd), block.subarray(nameEnd + 1, valueEnd)]);
    at = valueEnd + 1;
  }
  return checkRequired(headers);
}

function checkRequired(headers: readonly Pair[]): Pair[] {
  const [first, ...others] = headers;
  if (first === undefined || !isNamed(first, CONTENT_LENGTH)) {
    throw new ProtocolError('SCGI_HEADERS', 'CONTENT_LENGTH is not the first header');
  }
  const version = others.find(header => isNamed(header, 'SCGI'));
  if (version?.[1].toString('latin1') !== '1') throw new ProtocolError('SCGI_HEADERS', 'SCGI is not 1');
  const repeated = others.filter(header => isNamed(header, CONTENT_LENGTH));
  // An empty one says nothing; after two different ones nobody would know where the body ends.
  if (repeated.some(([, value]) => value.length > 0 && !value.equals(first[1]))) {
    throw new ProtocolError('SCGI_HEADERS', 'CONTENT_LENGTH stands twice, with different values');
  }
  return [first, ...others.filter(header => !isNamed(header, CONTENT_LENGTH))];
}
