import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { SpoolLimitError, spoolBody } from '../../../src/client/spool.ts';

const LIMITS = { memoryBytes: 1000, totalBytes: 100_000 };

/** Our descriptors of temporary bodies; they have no name any more, which the kernel says in the link. */
function openBodies(): string[] {
  const links = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter(link => link.includes('fpm-ts-body-'));
}

for (const [what, sizes, inFile] of [
  ['nothing', [], false],
  ['as much as memory takes', [400, 600], false],
  ['one byte more', [400, 601], true],
  ['one large piece', [50_000], true],
  ['many small pieces', Array.from({ length: 3000 }, () => 7), true],
] as const) {
  void test(`${what} comes back as it was`, async () => {
    const pieces = sizes.map((size, index) => Buffer.alloc(size, `${index}.`));
    const spooled = await spoolBody(Readable.from(pieces), LIMITS);
    assert.equal(openBodies().length, inFile ? 1 : 0);
    assert.ok(openBodies().every(link => link.endsWith(' (deleted)')));
    assert.equal(
      spooled.lengthBytes,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    assert.ok((await buffer(spooled.stream)).equals(Buffer.concat(pieces)));
    await spooled.close();
    assert.deepEqual(openBodies(), []);
  });
}

void test('more than the limit is refused, and the source is not destroyed', async () => {
  const source = Readable.from(Array.from({ length: 200 }, () => Buffer.alloc(1000)));
  await assert.rejects(spoolBody(source, LIMITS), SpoolLimitError);
  assert.equal(source.destroyed, false);
  assert.deepEqual(openBodies(), []);
});

void test('a source that breaks off leaves nothing open', async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(5000);
    throw new Error('broke off');
  }
  await assert.rejects(spoolBody(Readable.from(broken()), LIMITS), /broke off/);
  assert.deepEqual(openBodies(), []);
});
