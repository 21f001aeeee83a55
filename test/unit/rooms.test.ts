/** Holds the sources to ARCHITECTURE.md: imports go down the list of rooms, and some never cross a wall. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../lib/paths.ts';
import { importsOf, loadedFrom, readRooms, roomOf, type Sources, upwardImports } from '../lib/rooms.ts';

const rooms = readRooms(readFileSync(join(REPOSITORY, 'ARCHITECTURE.md'), 'utf8'));
const directory = join(REPOSITORY, 'src');
const sources: Sources = new Map(
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .map(path => [path, readFileSync(join(directory, path), 'utf8')]),
);

void test('the list of rooms starts with main.ts, ends with errors.ts, and names every folder of src', () => {
  assert.equal(rooms.at(0), 'main.ts');
  assert.equal(rooms.at(-1), 'errors.ts');
  assert.deepEqual(
    readdirSync(directory).filter(name => !rooms.includes(name)),
    [],
  );
});

void test('imports go down the list of rooms', () => {
  assert.deepEqual(upwardImports(sources, rooms), []);
});

void test('the keeper loads nothing of the configuration, the schema library or pino', () => {
  const keeper = [...sources.keys()].filter(path => roomOf(path) === 'keeper');
  const walls = /^(config\/|cli\/|zod$|zod\/|commander$|pino$|systeminformation$)/;
  const through = [...loadedFrom(sources, keeper)].filter(([target]) => walls.test(target));
  assert.deepEqual(
    through.map(([, way]) => way.join(' -> ')),
    [],
  );
});

void test('a command that only talks to the supervisor does not load the schema library', () => {
  const talk = ['config/runtime-paths.ts', 'config/pool-names.ts', 'control/client.ts'];
  assert.deepEqual(loadedFrom(sources, talk).get('zod'), undefined);
});

void test('keeper and supervisor load everything at once: their files may be gone later', () => {
  const running = loadedFrom(sources, ['keeper/keeper.ts', 'supervisor/main.ts']).keys();
  const late = [...running].flatMap(path =>
    importsOf(path, sources.get(path) ?? '').filter(it => it.late || it.to === 'node:module'),
  );
  assert.deepEqual(
    late.map(({ from, to }) => `${from} loads ${to} when it needs it`),
    [],
  );
});

void test('only src/os loads koffi', () => {
  const users = [...sources]
    .filter(([path]) => roomOf(path) !== 'os')
    .filter(([path, source]) => importsOf(path, source).some(({ to }) => /^koffi($|\/)/.test(to)));
  assert.deepEqual(
    users.map(([path]) => path),
    [],
  );
});

void test('no file outside protocols/ asks which protocol it is: what differs is in names.ts or in the folder', () => {
  // A default may stand anywhere; a comparison, a case or a name other than the default may not.
  const asks = /'(?:scgi|uwsgi)'|(?:[!=]==|case) 'fastcgi'|'fastcgi' [!=]==/;
  const found = [...sources]
    .filter(([path]) => roomOf(path) !== 'protocols')
    .filter(([, source]) => asks.test(source.replace(/\/\*[\s\S]*?\*\//g, '')));
  assert.deepEqual(
    found.map(([path]) => path),
    [],
  );
});

const LIST = ['main.ts', 'keeper', 'config', 'os', 'errors.ts'];

void test('an import upwards is found, static, of types, re-exported, multi-line or dynamic', () => {
  const up: Record<string, string> = {
    'os/a.ts': "import { load } from '../config/load.ts';",
    'os/b.ts': "import type { Load } from '../config/load.ts';",
    'os/c.ts': "export { load } from '../config/load.ts';",
    'os/d.ts': "import {\n  one,\n  type Two,\n} from '../config/load.ts';",
    'os/e.ts': "const load = async () => await import('../config/load.ts');",
    'os/f.ts': "import '../config/load.ts';",
    'os/g.ts': "import Default, * as all from '../config/load.ts';",
  };
  const found = upwardImports(new Map(Object.entries(up)), LIST);
  assert.deepEqual(
    found,
    Object.keys(up).map(path => `${path} imports config/load.ts, which is above it`),
  );
});

void test('a computed import, a file in no room and an import from no room are found; comments are not', () => {
  const odd: Sources = new Map([
    ['os/a.ts', 'await import(name);'],
    ['attic/b.ts', "import { c } from '../lost/c.ts';"],
    ['os/c.ts', "// import { load } from '../config/load.ts';\n/* import('../config/load.ts') */"],
  ]);
  assert.deepEqual(upwardImports(odd, LIST), [
    'os/a.ts imports ./name, which is in no room',
    'attic/b.ts is in no room of ARCHITECTURE.md',
    'attic/b.ts imports lost/c.ts, which is in no room',
  ]);
});

void test('what is loaded is followed through other files and dynamic imports, but not through types', () => {
  const chain: Sources = new Map([
    ['keeper/a.ts', "import { b } from './b.ts';\nimport type { Types } from '../config/types.ts';"],
    ['keeper/b.ts', "const c = await import('../os/c.ts');"],
    ['os/c.ts', "import { z } from 'zod';"],
  ]);
  const loaded = loadedFrom(chain, ['keeper/a.ts']);
  assert.deepEqual(loaded.get('zod'), ['keeper/a.ts', 'keeper/b.ts', 'os/c.ts', 'zod']);
  assert.equal(loaded.has('config/types.ts'), false);
});
