/** The generated documents name every key and every code; the JSON Schemas are what an editor can use. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { globalJsonSchema, poolJsonSchema } from '../../../docs/generate/json-schema.ts';
import { type FileKind, KEYS } from '../../../src/config/schema.ts';
import { ERRORS } from '../../../src/errors.ts';

const read = (name: string): string =>
  readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

interface Node {
  readonly description?: string;
  readonly properties?: Record<string, Node>;
  readonly anyOf?: readonly Node[];
}

void test('the reference has a section for every key of both files', () => {
  const [intro, global, pool] = read('configuration.md').split(/^## Keys of .*$/m);
  const sections = (part: string | undefined) =>
    [...(part ?? '').matchAll(/^### `(.*)`$/gm)].map(match => match[1]);
  assert.ok(intro);
  assert.deepEqual(sections(global), [...KEYS.global.keys()]);
  assert.deepEqual(sections(pool), [...KEYS.pool.keys()]);
});

void test('the list of errors has every code', () => {
  const codes = [...read('errors.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(match => match[1]);
  assert.deepEqual(codes, Object.keys(ERRORS));
});

for (const [kind, schema] of Object.entries({ global: globalJsonSchema(), pool: poolJsonSchema() })) {
  void test(`the JSON Schema of a ${kind} file describes every key and requires none`, () => {
    for (const { name, path, meta } of KEYS[kind as FileKind].values()) {
      let node: Node | undefined = schema;
      for (const part of path) {
        const properties: Node | undefined = node?.properties ? node : node?.anyOf?.find(it => it.properties);
        node = properties?.properties?.[part];
      }
      assert.ok(node?.description?.startsWith(meta.description), `${name} is not described`);
    }
    assert.doesNotMatch(JSON.stringify(schema), /"required"|"applies"|"isPath"/);
  });
}

void test('the JSON Schema takes plain listen and pm, and [defaults] without extends', () => {
  const { listen } = (poolJsonSchema() as Node).properties ?? {};
  assert.equal(listen?.anyOf?.length, 2);
  const { defaults } = (globalJsonSchema() as Node).properties ?? {};
  assert.ok(defaults?.properties?.pm && !defaults.properties.extends);
});
