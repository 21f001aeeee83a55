/**
 * Whatever comes in, the readers refuse it with a ProtocolError or tell events that make sense (test/fuzz/targets.ts
 * says which do), the same however it is cut. `npm run fuzz` does so for as long as one likes.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkInput, makeInput, type TargetName } from '../fuzz/inputs.ts';
import { cutAt } from './fixture-pairs.ts';

const places = fc.array(fc.nat({ max: 4000 }), { maxLength: 8 });
const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength, size: 'max' }).map(array => Buffer.from(array));

function check(target: TargetName, whole: Buffer, cuts: readonly number[]): void {
  checkInput({ target, bytes: whole, pieces: cutAt(whole, cuts) });
}

/** What stands in a header may be a lie; most of the time it is not. */
const record = fc
  .record({
    version: fc.oneof(
      { weight: 60, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.nat({ max: 255 }) },
    ),
    type: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(1, 2, 4, 5) },
      { weight: 1, arbitrary: fc.nat({ max: 255 }) },
    ),
    requestId: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(1, 2, 3, 4) }, fc.nat({ max: 65_535 })),
    content: fc.oneof(fc.constant(Buffer.alloc(0)), bytes(40)),
    paddingBytes: fc.constantFrom(0, 0, 0, 1, 7, 8, 255),
    lie: fc.oneof(
      { weight: 60, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat({ max: 65_535 }) },
    ),
  })
  .map(({ version, type, requestId, content, paddingBytes, lie }) => {
    // A begin of any other size ends everything; its role is mostly that of a responder.
    const said =
      type === 1 && content.length > 0 ? Buffer.of(0, 1, (content[0] ?? 0) & 1, 0, 0, 0, 0, 0) : content;
    const header = Buffer.of(version, type, 0, 0, 0, 0, paddingBytes, 0);
    header.writeUInt16BE(requestId, 2);
    header.writeUInt16BE((said.length + lie) & 0xffff, 4);
    return Buffer.concat([header, said, Buffer.alloc(paddingBytes)]);
  });

void describe('random bytes', () => {
  for (const target of ['fastcgi', 'scgi', 'cgi'] as const) {
    void test(target, () => {
      fc.assert(
        fc.property(bytes(300), places, (whole, cuts) => check(target, whole, cuts)),
        { numRuns: 500 },
      );
    });
  }
});

void test('random records', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 40, size: 'max' }), places, (records, cuts) =>
      check('fastcgi', Buffer.concat(records), cuts),
    ),
    { numRuns: 1000 },
  );
});

void test('random headers in a true netstring', () => {
  const text = fc.oneof(
    fc.constantFrom('CONTENT_LENGTH', 'SCGI', '1', '0', '17', ''),
    fc.string({ maxLength: 12 }),
  );
  const first = fc.oneof(fc.constant(['CONTENT_LENGTH', '9', 'SCGI', '1']), fc.constant([]));
  fc.assert(
    fc.property(first, fc.array(text, { maxLength: 20 }), bytes(40), places, (begin, texts, body, cuts) => {
      const block = Buffer.from([...begin, ...texts].map(one => `${one}\0`).join(''));
      const head = Buffer.from(`${block.length}:${block.toString('latin1')},`, 'latin1');
      check('scgi', Buffer.concat([head, body]), cuts);
    }),
    { numRuns: 1000 },
  );
});

void test('captures and fixtures, broken', () => {
  const tried = new Set<string>();
  fc.assert(
    fc.property(fc.nat(), index => {
      const input = makeInput(0, index);
      tried.add(`${input.target} ${checkInput(input).refused ?? 'accepted'}`);
    }),
    { numRuns: 5000 },
  );
  // What is broken beyond all reading would find nothing.
  for (const outcome of ['fastcgi accepted', 'fastcgi FCGI_ORDER', 'scgi accepted', 'scgi SCGI_HEADERS']) {
    assert.ok(tried.has(outcome), outcome);
  }
});
