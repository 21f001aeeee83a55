import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columns } from '../../../src/cli/columns.ts';

void test('columns are as wide as their widest cell; the last has nothing behind it', () => {
  const rows = [
    ['POOL', 'STATE', 'LISTENS ON'],
    ['a', 'degraded', '/run/a.sock'],
    ['longer', '', '/b'],
  ];
  assert.equal(
    columns(rows),
    ['POOL    STATE     LISTENS ON', 'a       degraded  /run/a.sock', 'longer            /b'].join('\n'),
  );
  assert.equal(columns([]), '');
});
