/** `fpm-ts scale` above pm.max_children: only with --force, and with what so many workers take of the memory. */
import assert from 'node:assert/strict';
import { startDaemon } from '../lib/daemon.ts';
import { ask } from '../lib/http.ts';
import { helloPools } from '../lib/pools.ts';
import { type ErrorBody, poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const SIZE = String.raw`\d+(\.\d)? MiB`;
/** What each of the present workers uses, what those more take, and what is free. */
const figures = (more: number): RegExp =>
  new RegExp(`present ones use \\(${SIZE} each\\), ${more} more take ${SIZE}; ${SIZE} are free in \\S+`);

suite('integration/scale-limits', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, { pools: { www: hello('www') } });
  const total = async (): Promise<number> => poolOf(await daemon.status(), 'www').workers.total;
  const overHttp = (body: object): ReturnType<typeof ask> =>
    ask('http://localhost/v1/scale', { socketPath: daemon.controlSocket, body: JSON.stringify(body) });

  await scope.test('without --force it is refused as usage, with the figures and what to say', async () => {
    const { code, stdout, stderr } = await daemon.cli('scale', 'www', '1000');
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(stderr, /1000 workers are more than pm\.max_children \(2\)/);
    assert.match(stderr, figures(998));
    assert.match(stderr, /`fpm-ts scale --force www 1000`/);
    const json = await daemon.cli('scale', 'www', '1000', '--json');
    assert.equal(json.code, 64);
    assert.equal((JSON.parse(json.stdout) as ErrorBody).error.code, 'USAGE');
    assert.deepEqual(await total(), 2);
  });

  await scope.test('over the control socket: 400, and with force it is done', async () => {
    const refused = await overHttp({ pool: 'www', workers: 3 });
    assert.equal(refused.status, 400, refused.text);
    assert.match((JSON.parse(refused.text) as ErrorBody).error.message, figures(1));
    const done = await overHttp({ pool: 'www', workers: 3, force: true });
    assert.equal(done.status, 200, done.text);
    assert.match((JSON.parse(done.text) as { notice: string }).notice, figures(1));
    await daemon.statusWhen('three workers', it => poolOf(it, 'www').workers.idle === 3);
  });

  await scope.test('with --force it is done, with the same figures', async () => {
    const { code, stdout, stderr } = await daemon.cli('scale', '--force', 'www', '5');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^pool www is scaled to 5 until the next reload\n/);
    assert.match(stdout, figures(2));
    await daemon.statusWhen('five workers', it => poolOf(it, 'www').workers.idle === 5);
  });

  await scope.test('up to pm.max_children nothing is said', async () => {
    const { code, stdout } = await daemon.cli('scale', 'www', '2');
    assert.deepEqual([code, stdout], [0, 'pool www is scaled to 2 until the next reload\n']);
    await daemon.statusWhen('two workers', it => poolOf(it, 'www').workers.total === 2);
  });
});
