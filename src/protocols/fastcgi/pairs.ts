/** FastCGI name-value pairs (Specification 1.0, section 3.4): two lengths of one or four bytes, name, value. */

import { type Pair, type PairInput, pairBytes } from '../pair.ts';
import { MAX_PARAMS } from '../param-limits.ts';
import { ProtocolError } from '../protocol-error.ts';

const LONG_LENGTH_BIT = 0x80;
const LONG_LENGTH_BYTES = 4;

export function encodePairs(pairs: Iterable<PairInput>): Buffer {
  const pieces: Uint8Array[] = [];
  for (const [name, value] of pairs) {
    const nameBytes = pairBytes(name);
    const valueBytes = pairBytes(value);
    pieces.push(encodeLength(nameBytes.length), encodeLength(valueBytes.length), nameBytes, valueBytes);
  }
  return Buffer.concat(pieces);
}

function encodeLength(length: number): Buffer {
  if (length < LONG_LENGTH_BIT) return Buffer.of(length);
  const bytes = Buffer.alloc(LONG_LENGTH_BYTES);
  bytes.writeUInt32BE((length | 0x80000000) >>> 0);
  return bytes;
}

/**
 * The pairs of one whole stream (FCGI_PARAMS) or record (FCGI_GET_VALUES), as views of `block`: a pair may be
 * split over records, so whoever reads them puts the stream together first.
 * @throws ProtocolError PAIRS_TRUNCATED when it ends within a pair, PAIRS_TOO_LONG for more than MAX_PARAMS.
 */
export function decodePairs(block: Buffer): Pair[] {
  const pairs: Pair[] = [];
  let at = 0;
  while (at < block.length) {
    if (pairs.length === MAX_PARAMS) {
      throw new ProtocolError('PAIRS_TOO_LONG', `more than ${MAX_PARAMS} FastCGI parameters`);
    }
    const valueLengthAt = at + lengthBytes(block, at);
    const nameAt = valueLengthAt + lengthBytes(block, valueLengthAt);
    if (nameAt > block.length) truncated();
    const valueAt = nameAt + decodeLength(block, at);
    const end = valueAt + decodeLength(block, valueLengthAt);
    if (end > block.length) truncated();
    pairs.push([block.subarray(nameAt, valueAt), block.subarray(valueAt, end)]);
    at = end;
  }
  return pairs;
}

/** How many bytes the length has that begins at `at`, which may lie behind the end. */
function lengthBytes(block: Buffer, at: number): number {
  return (block[at] ?? 0) < LONG_LENGTH_BIT ? 1 : LONG_LENGTH_BYTES;
}

function decodeLength(block: Buffer, at: number): number {
  const first = block.readUInt8(at);
  return first < LONG_LENGTH_BIT ? first : block.readUInt32BE(at) - 0x80000000;
}

function truncated(): never {
  throw new ProtocolError('PAIRS_TRUNCATED', 'the FastCGI parameters end within a name-value pair');
}
