/** The manual pages as groff, mandoc and man read them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { programInfo } from '../../docs/generate/commands.ts';
import { KEYS } from '../../src/config/schema.ts';
import { EXIT } from '../../src/errors.ts';
import { runCommand } from '../lib/command.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { suite } from '../lib/suite.ts';

const PAGES = ['fpm-ts.8', 'fpm-ts.toml.5'].map(name => join(REPOSITORY, 'packaging/man', name));
const [COMMANDS = '', CONFIGURATION = ''] = PAGES;

async function asShown(page: string): Promise<string> {
  const env = { ...process.env, MANWIDTH: '100', LC_ALL: 'C.UTF-8' };
  const { code, stdout, stderr } = await runCommand('man', ['--local-file', page], { env });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  return stdout;
}

suite('contract/man-pages', { needs: ['man', 'groff', 'mandoc'] }, async scope => {
  for (const page of PAGES) {
    await scope.test(`groff has no warning for ${page}`, async () => {
      const { code, stderr } = await runCommand('groff', ['-man', '-Tutf8', '-ww', '-z', page]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    });

    await scope.test(`mandoc has no warning for ${page}`, async () => {
      const { stdout, stderr } = await runCommand('mandoc', ['-T', 'lint', '-W', 'warning', page]);
      // The page has no date, so that it comes out the same every day.
      const complaints = stdout.split('\n').filter(line => !/^$|WARNING: missing date/.test(line));
      assert.deepEqual({ complaints, stderr }, { complaints: [], stderr: '' });
    });
  }

  await scope.test(
    'fpm-ts(8) shows every command with its options and example, and every exit code',
    async () => {
      const shown = await asShown(COMMANDS);
      for (const { name, options, after } of programInfo().commands) {
        const part = shown.split(`\n   fpm-ts ${name}\n`)[1]?.split('\n   fpm-ts ')[0] ?? '';
        for (const option of options.flatMap(({ names }) => names).filter(it => !/^(-h|--help)$/.test(it)))
          assert.match(part, new RegExp(`^ +(?:-., )?${option}\\b`, 'm'), `${name} ${option}`);
        for (const line of after.split('\n')) assert.ok(part.includes(line.trim()), `${name}: ${line}`);
      }
      for (const code of Object.values(EXIT)) assert.match(shown, new RegExp(`^ {7}${code} +\\S`, 'm'));
    },
  );

  await scope.test('fpm-ts.toml(5) shows every key with its default and what it takes', async () => {
    const shown = await asShown(CONFIGURATION);
    const [, global = '', pool = ''] = shown.split(/^KEYS OF .*$/m);
    for (const [kind, keys] of [
      ['global', global],
      ['pool', pool],
    ] as const)
      for (const { name, meta } of KEYS[kind].values()) {
        const part = keys.split(new RegExp(`^ {7}${name.replaceAll('.', '\\.')}\\b`, 'm'))[1] ?? '';
        const words = part.replace(/\s+/g, ' ');
        assert.ok(words.includes(meta.description.replaceAll('`', '').slice(0, 40)), name);
        assert.match(words, /• allowed: .*? • (unit: .*? • )?default: /, name);
      }
  });
});
