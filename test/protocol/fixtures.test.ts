/** Every fixture, whole, byte by byte and cut anywhere, means what its JSON says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError } from '../../src/protocols/protocol-error.ts';
import { cutAt, fixtureKinds, fixturePairs, singleBytes } from './fixture-pairs.ts';
import { READERS, type Read } from './readers.ts';

void test('each kind of fixture has its reader', () => {
  assert.deepEqual(fixtureKinds(), Object.keys(READERS).sort());
});

function outcome(read: Read, chunks: readonly Buffer[]): unknown {
  try {
    return read(chunks);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { error: error.code };
  }
}

for (const [kind, read] of Object.entries(READERS)) {
  void describe(kind, () => {
    for (const verdict of ['valid', 'invalid'] as const) {
      for (const { name, bytes, expected } of fixturePairs(kind, verdict)) {
        void test(`${verdict}: ${name}`, () => {
          assert.deepEqual(outcome(read, [bytes]), expected, 'in one piece');
          assert.deepEqual(outcome(read, singleBytes(bytes)), expected, 'byte by byte');
          fc.assert(
            fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 8 }), places => {
              assert.deepEqual(outcome(read, cutAt(bytes, places)), expected);
            }),
            { numRuns: 20 },
          );
        });
      }
    }
  });
}
