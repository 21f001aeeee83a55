/** Whose rights a path is touched with: those of whoever could put something else in its place. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Exchangers, exchangersOf, rightsFor, withRightsFor } from '../../src/os/exchange.ts';
import { withRightsOf } from '../../src/os/file-rights.ts';
import { suite } from '../lib/suite.ts';

const ALICE = { uid: 4401, gid: 4401, groups: [4401, 4499] };
const BOB = { uid: 4402, gid: 4402, groups: [4402] };

suite('root/exchange', { root: true }, async scope => {
  const top = scope.dir;
  chmodSync(top, 0o755);
  const make = (path: string, uid: number, mode = 0o755, gid = uid): string => {
    mkdirSync(path, { recursive: true });
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    return path;
  };
  const write = (path: string, uid: number, mode: number, gid = uid): string => {
    writeFileSync(path, `of ${uid}`);
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    return path;
  };
  const alice = make(join(top, 'alice'), ALICE.uid);
  const bobInAlice = make(join(alice, 'bob'), BOB.uid);
  const roots = make(join(top, 'roots'), 0);
  const shared = make(join(top, 'shared'), 0, 0o2775, 4499);
  const sticky = make(join(top, 'sticky'), 0, 0o1777);
  make(join(sticky, 'alice'), ALICE.uid);
  make(join(sticky, 'roots'), 0);
  symlinkSync(alice, join(roots, 'link'));
  symlinkSync(join(roots, 'file'), join(alice, 'back'));
  symlinkSync('loop', join(roots, 'loop'));
  const secret = write(join(roots, 'file'), 0, 0o600);

  const CASES: readonly (readonly [path: string, Exchangers])[] = [
    [secret, 'nobody'],
    [join(roots, 'missing', 'file'), 'nobody'],
    [join(roots, '..', 'roots', 'file'), 'nobody'],
    [alice, 'nobody'],
    [join(alice, 'file'), { uid: ALICE.uid }],
    [join(alice, 'missing', 'file'), { uid: ALICE.uid }],
    [join(alice, 'back'), { uid: ALICE.uid }],
    [join(roots, 'link', 'file'), { uid: ALICE.uid }],
    [join(bobInAlice, 'file'), 'several'],
    [join(shared, 'file'), 'several'],
    [join(sticky, 'new'), 'several'],
    [join(sticky, 'roots'), 'nobody'],
    [join(sticky, 'alice'), { uid: ALICE.uid }],
    [join(sticky, 'alice', 'file'), { uid: ALICE.uid }],
    [join(roots, 'loop'), 'nobody'],
  ];
  for (const [path, expected] of CASES)
    await scope.test(`${path.slice(top.length)}: ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(exchangersOf(path), expected);
    });

  await scope.test('in the temporary directory of the machine anybody may put what is not there yet', () => {
    assert.equal(exchangersOf(join(tmpdir(), 'not-yet-there')), 'several');
    assert.equal(exchangersOf(top), 'nobody');
  });

  await scope.test('the rights: the one who could, and of several the pool’s user', () => {
    assert.equal(rightsFor(secret, ALICE), null);
    assert.deepEqual(rightsFor(join(alice, 'x'), ALICE), ALICE);
    assert.equal(rightsFor(join(alice, 'x'), BOB)?.uid, ALICE.uid);
    assert.deepEqual(rightsFor(join(bobInAlice, 'x'), BOB), BOB);
    assert.deepEqual(rightsFor(join(shared, 'x'), BOB), BOB);
  });

  await scope.test('with them, a file counts as for that user: owner, group, others', () => {
    const own = write(join(alice, 'own'), ALICE.uid, 0o600);
    const group = write(join(roots, 'group'), 0, 0o640, 4499);
    const read = (path: string): string => readFileSync(path, 'utf8');
    assert.equal(
      withRightsOf(ALICE, () => read(own)),
      `of ${ALICE.uid}`,
    );
    assert.equal(
      withRightsOf(ALICE, () => read(group)),
      'of 0',
    );
    assert.throws(() => withRightsOf(BOB, () => read(own)), { code: 'EACCES' });
    assert.throws(() => withRightsOf(BOB, () => read(group)), { code: 'EACCES' });
    assert.throws(() => withRightsFor(join(alice, 'back'), ALICE, () => read(join(alice, 'back'))), {
      code: 'EACCES',
    });
  });

  await scope.test('what is made with them belongs to that user', () => {
    const path = join(alice, 'made');
    withRightsOf(ALICE, () => writeFileSync(path, ''));
    assert.deepEqual([statSync(path).uid, statSync(path).gid], [ALICE.uid, ALICE.gid]);
    assert.throws(() => withRightsOf(ALICE, () => writeFileSync(join(roots, 'made'), '')), {
      code: 'EACCES',
    });
  });

  await scope.test(
    'after it, and after an error in it, root has its own again, and is root’s all the while',
    () => {
      const status = (): string =>
        readFileSync('/proc/self/status', 'utf8')
          .split('\n')
          .filter(line => /^(Uid|Gid|Groups|CapEff):/.test(line))
          .join();
      const before = status();
      const during = withRightsOf(ALICE, status);
      assert.match(during, /^Uid:\t0\t0\t0\t4401,Gid:\t0\t0\t0\t4401,/);
      assert.equal(status(), before);
      assert.throws(() =>
        withRightsOf(BOB, () => {
          throw new Error('x');
        }),
      );
      assert.equal(status(), before);
      assert.equal(readFileSync(secret, 'utf8'), 'of 0');
      assert.equal(statSync('/proc/self/maps').uid, 0);
    },
  );
});
