import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseTarget } from '../../../src/client/target-path.ts';

const seen = (target: string): string | null => {
  const parsed = parseTarget(target);
  return parsed === null ? null : `${parsed.path.toString('latin1')}?${parsed.query}`;
};

void describe('a target becomes a path as in nginx', () => {
  const rows: readonly (readonly [target: string, expected: string | null])[] = [
    ['/', '/?'],
    ['/a/b.php', '/a/b.php?'],
    ['/a?b=c?d', '/a?b=c?d'],
    ['/?', '/?'],
    ['/a%20b', '/a b?'],
    ['/%C3%A4', '/\u00c3\u00a4?'],
    ['/a?b%20c', '/a?b%20c'],
    ['/a%3Fb', '/a?b?'],
    ['/a%23b', '/a#b?'],
    ['/a#b?c', '/a?'],
    ['//a///b', '/a/b?'],
    ['/a/./b/.', '/a/b/?'],
    ['/a/../b', '/b?'],
    ['/a/b/..', '/a/?'],
    ['/a/..', '/?'],
    ['/...', '/...?'],
    ['/a/..b', '/a/..b?'],
    ['/a%2f..%2fb', '/b?'],
    ['/a/%2e%2E/b', '/b?'],
    ['http://example.com/a?b', '/a?b'],
    ['http://example.com', '/?'],
    ['HTTP://example.com?q', '/?q'],
    ['/..', null],
    ['/a/../../b', null],
    ['/%2e%2e/etc/passwd', null],
    ['/%2e%2e%2fetc/passwd', null],
    ['/a/..%2f..%2fb', null],
    ['/a%00b', null],
    ['/%', null],
    ['/%2', null],
    ['/%zz', null],
    ['', null],
    ['*', null],
    ['a/b', null],
    ['%2fa', '/a?'],
  ];
  for (const [target, expected] of rows) {
    void test(JSON.stringify(target), () => assert.equal(seen(target), expected));
  }
});

void test('no path leads above the root or keeps a dot segment', () => {
  const pieces = fc.constantFrom('/', '.', '..', '%2e', '%2F', '%5c', 'a', '%25', '?', '#', '%00', '//');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), parts => {
      const parsed = parseTarget(`/${parts.join('')}`);
      if (parsed === null) return;
      const segments = parsed.path.toString('latin1').split('/');
      assert.equal(segments[0], '');
      assert.ok(!segments.includes('..') && !segments.includes('.'), parsed.path.toString('latin1'));
      assert.ok(!segments.slice(1, -1).includes(''), 'slashes are merged');
      assert.ok(!parsed.path.includes(0));
    }),
  );
});
