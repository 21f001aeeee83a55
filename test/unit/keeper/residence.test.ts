/** The lock of a run directory across an upgrade, and files of others in its place. */
import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Residence } from '../../../src/keeper/residence.ts';
import { RunLock } from '../../../src/keeper/run-lock.ts';
import { openInner } from '../../lib/place.ts';
import { type Scope, suite } from '../../lib/suite.ts';

const PORTS = { state: { keys: () => [], entry: () => null }, warn: (): void => {} };

function wanted(scope: Scope, name: string): Parameters<Residence['take']>[0] {
  const runDir = join(openInner(scope, name).dir, 'run');
  return {
    runDir,
    pidFile: join(runDir, 'fpm-ts.pid'),
    controlSocket: join(runDir, 'control.sock'),
    log: { file: 'stderr', format: 'json' },
  };
}

suite('unit/keeper/residence', {}, async scope => {
  await scope.test('what a keeper passes on is not taken by another one', () => {
    const settle = wanted(scope, 'upgrade');
    const before = new Residence(PORTS);
    assert.equal(before.take(settle), null);
    const after = new Residence(PORTS);
    after.resume(null, before.passed);
    assert.equal(after.take(settle), null);
    assert.deepEqual(RunLock.take(settle.runDir), { heldBy: process.pid });
    after.leave();
    assert.ok(!existsSync(join(settle.runDir, 'lock')) && !existsSync(settle.pidFile));
  });

  await scope.test('one that comes from a version without the lock takes it', () => {
    const settle = wanted(scope, 'earlier');
    mkdirSync(settle.runDir);
    const pidFile = { path: settle.pidFile, descriptor: openSync(settle.pidFile, 'w+') };
    const after = new Residence(PORTS);
    after.resume(null, { pidFile });
    assert.equal(after.take(settle), null);
    assert.deepEqual(RunLock.take(settle.runDir), { heldBy: process.pid });
    assert.equal(readFileSync(join(settle.runDir, 'lock'), 'utf8'), `${process.pid}\n`);
    after.leave();
  });

  await scope.test('a lock that is a link, has another name, or can be opened by others is refused', () => {
    for (const [name, make] of [
      ['link', (path: string) => symlinkSync('/etc/hostname', path)],
      ['names', (path: string) => linkSync(settleFile(path), path)],
      ['open', (path: string) => writeFileSync(path, '', { mode: 0o644 })],
    ] as const) {
      const settle = wanted(scope, name);
      mkdirSync(settle.runDir);
      make(join(settle.runDir, 'lock'));
      assert.throws(() => new Residence(PORTS).take(settle), /lock/, name);
    }
  });
});

function settleFile(path: string): string {
  const other = `${path}.other`;
  writeFileSync(other, '', { mode: 0o600 });
  return other;
}
