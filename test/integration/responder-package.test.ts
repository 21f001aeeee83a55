/** What `npm install fpm-ts` brings: the library by its name, with types, and everything that it needs. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, cleanEnvironment, runCommand } from '../lib/command.ts';
import { copyPackages } from '../lib/installed.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { suite } from '../lib/suite.ts';

/** Uses all that a program sees of the library, as strictly as TypeScript can. */
const TYPED = `
import { type RequestContext, type RequestHandler, type Responder, type ServeOptions, serve } from 'fpm-ts/responder';

const options: ServeOptions = { protocol: 'scgi', ownsProcess: false, maxRequests: 1 };
const handler: RequestHandler = async (request: Request, { params, signal }: RequestContext): Promise<Response> => {
  signal.throwIfAborted();
  return new Response(params.get('SCRIPT_NAME') ?? request.url);
};
const { shutdown, finished }: Responder = serve(handler, options);
await Promise.all([shutdown(), finished]);
serve(() => new Response('x'));
// @ts-expect-error there is no such protocol
serve(handler, { protocol: 'http' });
// @ts-expect-error a string is no Response
serve(() => 'x');
`;

const COMPILER = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2022',
    module: 'nodenext',
    types: ['node'],
  },
  files: ['typed.mts'],
};

suite('integration/responder-package', {}, async scope => {
  const packages = join(scope.dir, 'node_modules');
  const directory = join(packages, 'fpm-ts');
  mkdirSync(directory, { recursive: true });
  const good = async (command: string, ...args: string[]): Promise<CommandResult> => {
    const env = {
      ...cleanEnvironment(),
      npm_config_offline: 'true',
      npm_config_cache: join(scope.dir, 'cache'),
    };
    const result = await runCommand(command, args, { cwd: scope.dir, env });
    assert.equal(result.code, 0, result.stdout + result.stderr);
    return result;
  };
  await good('npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', scope.dir, REPOSITORY);
  const archive = readdirSync(scope.dir).find(name => name.endsWith('.tgz')) ?? '';
  await good('tar', '--extract', '--file', archive, '--strip-components', '1', '--directory', directory);
  copyPackages(scope.dir);

  await scope.test('the package has the library, its page and its example', () => {
    for (const path of [
      'dist/server/responder.js',
      'dist/server/responder.d.ts',
      'docs/responder.md',
      'examples/responder.mjs',
    ])
      assert.ok(existsSync(join(directory, path)), path);
  });

  await scope.test('a program imports it by its name', async () => {
    const text = `import * as library from 'fpm-ts/responder'; console.log(Object.keys(library).join());`;
    writeFileSync(join(scope.dir, 'program.mjs'), text);
    assert.equal((await good(process.execPath, 'program.mjs')).stdout, 'serve\n');
  });

  await scope.test('what is within it is not for others', async () => {
    writeFileSync(join(scope.dir, 'inner.mjs'), `import 'fpm-ts/dist/server/socket-server.js';`);
    const { code, stderr } = await runCommand(process.execPath, ['inner.mjs'], { cwd: scope.dir });
    assert.equal(code, 1);
    assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
  });

  await scope.test('its types are what they should be', async () => {
    for (const part of ['@types/node', 'undici-types'])
      symlinkSync(join(REPOSITORY, 'node_modules', part), linkPath(packages, part));
    writeFileSync(join(scope.dir, 'typed.mts'), TYPED);
    writeFileSync(join(scope.dir, 'tsconfig.json'), JSON.stringify(COMPILER));
    await good(process.execPath, join(REPOSITORY, 'node_modules/typescript/bin/tsc'), '--project', scope.dir);
  });
});

function linkPath(packages: string, part: string): string {
  const path = join(packages, part);
  mkdirSync(join(path, '..'), { recursive: true });
  return path;
}
