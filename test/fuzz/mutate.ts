/** Breaks bytes in the ways in which senders, lines and attackers break them. */
import { oneIn, pick, pickNumber, type Random } from './random.ts';

/** What a length, an id or a type could be mistaken with. */
const ODD_BYTES = [0x00, 0x01, 0x07, 0x08, 0x7f, 0x80, 0xff, 0x2c, 0x3a, 0x0a, 0x0d, 0x30, 0x39];

/** Longer ones are mostly body, which is all the same to a reader: they are used, but seldom whole. */
const LONG_BYTES = 12_000;
const MAX_BYTES = 256 * 1024;

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  flipBits,
  setBytes,
  setBytes,
  editHeader,
  editHeader,
  mixRecords,
  mixRecords,
  editDigits,
  cutEnd,
  removePart,
  repeatPart,
  swapParts,
  spliceOther,
  insertRandom,
];

/** One of `seeds`, broken a few times, or not at all. */
export function mutated(random: Random, seeds: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(pick(random, seeds));
  if (bytes.length > LONG_BYTES && !oneIn(random, 20))
    bytes = bytes.subarray(0, pickNumber(random, LONG_BYTES));
  for (let times = pickNumber(random, 6); times > 0 && bytes.length > 0; times -= 1) {
    bytes = pick(random, MUTATIONS)(bytes, random, seeds).subarray(0, MAX_BYTES);
  }
  return oneIn(random, 2) ? withTrueLength(bytes) : bytes;
}

/** The same bytes in pieces: whole, in a few, or for some way byte by byte. */
export function inPieces(random: Random, bytes: Buffer): Buffer[] {
  switch (pickNumber(random, 4)) {
    case 0:
      return [bytes];
    case 1:
      return cut(bytes, byteByByte(random, bytes));
    default:
      return cut(
        bytes,
        Array.from({ length: pickNumber(random, 8) }, () => placeIn(random, bytes)),
      );
  }
}

function byteByByte(random: Random, bytes: Buffer): number[] {
  const from = oneIn(random, 2) ? 0 : placeIn(random, bytes);
  return Array.from({ length: Math.min(200, bytes.length - from) }, (_, index) => from + index);
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places, bytes.length].sort((a, b) => a - b);
  return cuts.slice(1).map((place, index) => bytes.subarray(cuts[index], place));
}

/** Heads are where readers decide, so half of the places are near the beginning. */
function placeIn(random: Random, bytes: Buffer): number {
  return pickNumber(random, oneIn(random, 2) ? bytes.length : Math.min(bytes.length, 64));
}

function partOf(random: Random, bytes: Buffer): [start: number, end: number] {
  const start = placeIn(random, bytes);
  return [start, Math.min(bytes.length, start + 1 + pickNumber(random, oneIn(random, 2) ? 16 : 2000))];
}

function flipBits(bytes: Buffer, random: Random): Buffer {
  for (let times = 1 + pickNumber(random, 4); times > 0; times -= 1) {
    const at = placeIn(random, bytes);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << pickNumber(random, 8)), at);
  }
  return bytes;
}

function setBytes(bytes: Buffer, random: Random): Buffer {
  for (let times = 1 + pickNumber(random, 4); times > 0; times -= 1) {
    bytes.writeUInt8(
      oneIn(random, 3) ? pickNumber(random, 256) : pick(random, ODD_BYTES),
      placeIn(random, bytes),
    );
  }
  return bytes;
}

/** Where records begin, and where the last one that is whole ends. */
function boundaries(bytes: Buffer): number[] {
  const places = [0];
  for (let at = 0; at + 8 <= bytes.length && places.length < 40; ) {
    at += 8 + bytes.readUInt16BE(at + 4) + bytes.readUInt8(at + 6);
    if (at <= bytes.length) places.push(at);
  }
  return places;
}

/** Another type, id, length or padding in the header of a record. */
function editHeader(bytes: Buffer, random: Random): Buffer {
  const at = pick(random, boundaries(bytes));
  if (at + 8 > bytes.length) return bytes;
  const [field, value] = pick(random, [
    [1, pickNumber(random, 13)],
    [3, pickNumber(random, 4)],
    [4, pickNumber(random, 256)],
    [5, pickNumber(random, 256)],
    [6, pickNumber(random, 256)],
  ] as const);
  bytes.writeUInt8(value, at + field);
  return bytes;
}

/** Whole records are left out, repeated, put elsewhere, or new ones stand between them. */
function mixRecords(bytes: Buffer, random: Random): Buffer {
  const places = boundaries(bytes);
  const records = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
  const rest = bytes.subarray(places.at(-1) ?? 0);
  const at = pickNumber(random, records.length + 1);
  const taken = oneIn(random, 2) ? records.splice(at, 1) : records.slice(at, at + 1);
  records.splice(pickNumber(random, records.length + 1), 0, ...taken);
  if (oneIn(random, 2)) records.splice(pickNumber(random, records.length + 1), 0, randomRecord(random));
  return Buffer.concat([...records, rest]);
}

function randomRecord(random: Random): Buffer {
  const type = 1 + pickNumber(random, 12);
  const contentBytes = type === 1 ? 8 : pickNumber(random, oneIn(random, 2) ? 1 : 40);
  const record = Buffer.alloc(8 + contentBytes);
  record.set([1, type, 0, pickNumber(random, 4), 0, contentBytes]);
  for (let index = 8; index < record.length; index += 1) record[index] = pickNumber(random, 4);
  return record;
}

/** So that not all that is broken within a netstring is lost with its length. */
function withTrueLength(bytes: Buffer): Buffer {
  const colon = bytes.subarray(0, 8).indexOf(':');
  const comma = bytes.lastIndexOf('\0,');
  if (colon < 0 || comma < colon) return bytes;
  return Buffer.concat([Buffer.from(String(comma - colon)), bytes.subarray(colon)]);
}

/** Another number where one stands in decimal: the length of a netstring, CONTENT_LENGTH, a Status. */
function editDigits(bytes: Buffer, random: Random): Buffer {
  const from = placeIn(random, bytes);
  for (let at = from; at < Math.min(bytes.length, from + 400); at += 1) {
    const byte = bytes.readUInt8(at);
    if (byte < 0x30 || byte > 0x39) continue;
    bytes.writeUInt8(0x30 + pickNumber(random, 10), at);
    if (oneIn(random, 2)) break;
  }
  return bytes;
}

function cutEnd(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, placeIn(random, bytes));
}

function removePart(bytes: Buffer, random: Random): Buffer {
  const [start, end] = partOf(random, bytes);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}

function repeatPart(bytes: Buffer, random: Random): Buffer {
  const [start, end] = partOf(random, bytes);
  const times = oneIn(random, 8) ? 1 + pickNumber(random, 80) : 1;
  return Buffer.concat([
    bytes.subarray(0, end),
    ...Array.from({ length: times }, () => bytes.subarray(start, end)),
    bytes.subarray(end),
  ]);
}

function swapParts(bytes: Buffer, random: Random): Buffer {
  const [start, middle] = partOf(random, bytes);
  const end = Math.min(bytes.length, middle + 1 + pickNumber(random, 200));
  return Buffer.concat([
    bytes.subarray(0, start),
    bytes.subarray(middle, end),
    bytes.subarray(start, middle),
    bytes.subarray(end),
  ]);
}

function spliceOther(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const other = pick(random, others);
  if (other.length === 0) return bytes;
  const [start, end] = oneIn(random, 3) ? [0, Math.min(other.length, 2000)] : partOf(random, other);
  const at = oneIn(random, 3) ? bytes.length : placeIn(random, bytes);
  return Buffer.concat([bytes.subarray(0, at), other.subarray(start, end), bytes.subarray(at)]);
}

function insertRandom(bytes: Buffer, random: Random): Buffer {
  const at = placeIn(random, bytes);
  const inserted = Buffer.from(
    Array.from({ length: 1 + pickNumber(random, 12) }, () => pickNumber(random, 256)),
  );
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}
