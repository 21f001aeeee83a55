/** What a reload applies of fpm-ts.toml is what the schema says, key by key: a new key cannot be forgotten. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applied } from '../../../src/config/schema/derive.ts';
import { globalSettings as declared } from '../../../src/config/schema/global.ts';
import { KEYS } from '../../../src/config/schema.ts';
import { globalSettings } from '../../../src/config/settings.ts';
import { type Globals, Settings } from '../../../src/supervisor/global-settings.ts';
import { globalConfig } from '../../lib/global-config.ts';

const RUNNING: Globals = globalConfig('/etc/fpm-ts/fpm-ts.toml', '/run/fpm-ts');

/** Another value for each: a new setting needs one, too. */
const WANTED: Globals = {
  file: '/etc/fpm-ts/fpm-ts.toml',
  include: ['other.d/*.toml'],
  runDir: '/run/other',
  pidFile: '/run/other.pid',
  control: { socket: '/run/other.sock', group: 'adm' },
  log: { level: 'debug', file: '/var/log/other.log', format: 'json' },
  process: { max: 7, minFreeMemoryBytes: 1024 },
};

const valuesOf = (globals: Globals): Readonly<Record<string, unknown>> => globalSettings(globals);

const RESTART = [...KEYS.global].filter(([, { meta }]) => meta.applies === 'restart').map(([key]) => key);

void test('every key of fpm-ts.toml has another value in what is wanted here', () => {
  const [running, wanted] = [valuesOf(RUNNING), valuesOf(WANTED)];
  assert.deepEqual(Object.keys(wanted).sort(), [...KEYS.global.keys()].sort());
  for (const key of KEYS.global.keys()) assert.notDeepEqual(wanted[key], running[key], key);
});

for (const [key, { meta }] of KEYS.global) {
  void test(`${key}: a reload applies it as the schema says (${meta.applies})`, () => {
    assert.ok(meta.applies === 'live' || meta.applies === 'restart', meta.applies);
    const source = meta.applies === 'live' ? WANTED : RUNNING;
    assert.deepEqual(valuesOf(applied(declared, RUNNING, WANTED))[key], valuesOf(source)[key]);
  });
}

void test('what only a restart applies stays pending, however often the files are read', () => {
  const settings = new Settings(RUNNING);
  assert.deepEqual(settings.pending, []);
  for (let time = 0; time < 2; time++) {
    settings.take(WANTED);
    assert.deepEqual(
      settings.pending.map(({ key }) => key),
      RESTART,
    );
  }
  const group = settings.pending.find(({ key }) => key === 'control.group');
  assert.deepEqual(group, { key: 'control.group', running: '', wanted: 'adm' });
  settings.take(RUNNING);
  assert.deepEqual(settings.pending, []);
  assert.deepEqual(settings.running, RUNNING);
});

void test('the note gives the next supervisor both: what is in effect, and what is pending', () => {
  const settings = new Settings(RUNNING);
  settings.take(WANTED);
  const next = Settings.parse(settings.note.text ?? '');
  assert.deepEqual(next.running, settings.running);
  assert.deepEqual(next.pending, settings.pending);
});

void test('a damaged note is refused with what is wrong in it', () => {
  const text = JSON.stringify({ running: RUNNING, wanted: { ...WANTED, runDir: 7 } });
  assert.throws(() => Settings.parse(text), /saved settings are damaged.*runDir/s);
});
