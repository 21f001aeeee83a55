import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeExpansion, expand } from '../../../src/config/expand.ts';

const CONTEXT = {
  pool: 'www',
  here: '/etc/p',
  runDir: '/run/f',
  node: '/bin/node',
  env: { HOME: '/root', E: '' },
};

const GOOD: readonly (readonly [string, string])[] = [
  ['$pool', 'www'],
  ['/run/$pool.sock', '/run/www.sock'],
  [`\${pool}_x`, 'www_x'],
  [`\${here}/a`, '/etc/p/a'],
  [`\${run_dir}/a`, '/run/f/a'],
  [`\${node}`, '/bin/node'],
  [`\${env:HOME}\${env:E}.`, '/root.'],
  ['$$pool', '$pool'],
  ['$$$pool', '$www'],
  [`$$\${pool}`, '$www'],
  ['$$$$', '$$'],
  ['cost $5 or $? or $', 'cost $5 or $? or $'],
];

for (const [text, expected] of GOOD) {
  void test(`${text} expands`, () => assert.deepEqual(expand(text, CONTEXT), { ok: true, text: expected }));
}

const BAD: readonly (readonly [string, RegExp])[] = [
  ['$HOME', /\$HOME is not a variable; write \$\{env:HOME\}/],
  [`\${HOME}`, /not a variable; write \$\{env:HOME\}/],
  ['$pool_x', /write \$\{pool\}_x/],
  ['$here', /write \$\{here\}/],
  [`\${env:NOPE}`, /NOPE is not set/],
  [`\${open`, /not a variable/],
  [`\${}`, /not a variable/],
  [`a $pool and \${env:__proto__}`, /__proto__ is not set/],
];

for (const [text, why] of BAD) {
  void test(`${text} is refused`, () => {
    const result = expand(text, CONTEXT);
    assert.match(result.ok ? '' : `${result.message}; ${result.remedy}`, why);
  });
}

void test('escaped text expands to itself', () => {
  const unit = fc.constantFrom('$', '{', '}', 'pool', 'env:HOME', 'a', '_', ' ', '5', 'ü');
  fc.assert(
    fc.property(fc.string({ unit }), text => {
      assert.deepEqual(expand(escapeExpansion(text), CONTEXT), { ok: true, text });
    }),
  );
});
