/** A repository of some size, as those who work with it have it: cloned, pushed and fetched over HTTP by git itself. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, runCommand } from '../lib/command.ts';
import { IS_ROOT, type Scope } from '../lib/suite.ts';

const MEGABYTE = 1_000_000;

/** Noise is not made smaller by trying: half a minute of a processor otherwise. */
const UNCOMPRESSED: Readonly<Record<string, string>> = {
  'core.compression': '0',
  'core.bigFileThreshold': '1m',
};

/** Nothing of this machine's or this user's configuration, and no question at a terminal. */
const ENVIRONMENT = {
  ...cleanEnvironment(),
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'A U Thor',
  GIT_AUTHOR_EMAIL: 'author@example.org',
  GIT_COMMITTER_NAME: 'C O Mitter',
  GIT_COMMITTER_EMAIL: 'committer@example.org',
  LC_ALL: 'C.UTF-8',
  ...gitConfiguration(UNCOMPRESSED),
};

/** See GIT_CONFIG_COUNT in git-config(1). */
function gitConfiguration(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const entries = Object.entries(settings);
  const named = entries.flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${i}`, key],
    [`GIT_CONFIG_VALUE_${i}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(entries.length), ...Object.fromEntries(named) };
}

/** Runs git in `directory`. @returns what it wrote to stdout; throws when it fails */
export async function git(directory: string, ...args: readonly string[]): Promise<string> {
  const done = await runCommand('git', ['-C', directory, ...args], { env: ENVIRONMENT });
  if (done.code !== 0) throw new Error(`git ${args.join(' ')}: ${done.code} ${done.stderr}${done.stdout}`);
  return done.stdout.trim();
}

/** An empty repository NAME.git under `projects`, which belongs to whoever runs the scripts. */
export async function makeRepository(projects: string, name: string): Promise<string> {
  mkdirSync(projects, { recursive: true });
  const path = join(projects, `${name}.git`);
  await git(projects, 'init', '--quiet', '--bare', '--initial-branch=main', path);
  for (const [key, value] of Object.entries(UNCOMPRESSED)) await git(path, 'config', key, value);
  writeFileSync(join(path, 'description'), 'Fifty megabytes of noise');
  if (IS_ROOT) {
    const owned = await runCommand('chown', ['-R', 'www-data:www-data', projects]);
    assert.equal(owned.code, 0, owned.stderr);
  }
  return path;
}

/** Whole, and at the same commit. */
async function assertSame(server: string, ...clones: readonly string[]): Promise<void> {
  // Root may look into a repository of another user only when it says so.
  const look = ['-c', `safe.directory=${server}`];
  const head = await git(server, ...look, 'rev-parse', 'refs/heads/main');
  await git(server, ...look, 'fsck', '--full', '--strict');
  for (const clone of clones) {
    assert.equal(await git(clone, 'rev-parse', 'HEAD'), head);
    await git(clone, 'fsck', '--full', '--strict');
    assert.equal(await git(clone, 'status', '--porcelain'), '');
  }
}

async function commit(clone: string, name: string, megabytes: number): Promise<void> {
  writeFileSync(join(clone, name), randomBytes(megabytes * MEGABYTE));
  await git(clone, 'add', name);
  await git(clone, 'commit', '--quiet', '--message', `Add ${name}`);
}

export interface GitUrls {
  readonly anonymous: string;
  /** With name and password. */
  readonly pusher: string;
}

/** @param server the repository on the server's side, empty */
export async function testGit(scope: Scope, server: string, urls: GitUrls): Promise<void> {
  const work = join(scope.dir, 'work');
  const other = join(scope.dir, 'other');

  await scope.test('fifty megabytes are pushed, in chunks', async () => {
    await git(scope.dir, 'clone', '--quiet', urls.pusher, work);
    for (const name of ['a', 'b', 'c', 'd', 'e']) await commit(work, `${name}.bin`, 10);
    // More than http.postBuffer, by default 1 MB, and no length is known: Transfer-Encoding: chunked.
    await git(work, 'push', '--quiet', 'origin', 'main');
    await assertSame(server, work);
  });

  await scope.test('they are cloned', async () => {
    await git(scope.dir, 'clone', '--quiet', urls.anonymous, other);
    await assertSame(server, work, other);
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      assert.equal(
        await git(other, 'hash-object', `${name}.bin`),
        await git(work, 'rev-parse', `HEAD:${name}.bin`),
      );
  });

  await scope.test('ten more are pushed in one piece, and fetched', async () => {
    await commit(work, 'f.bin', 10);
    await git(work, '-c', 'http.postBuffer=100000000', 'push', '--quiet', 'origin', 'main');
    await git(other, 'pull', '--quiet', '--ff-only');
    await assertSame(server, work, other);
  });

  await scope.test('a branch and a tag go up, come down, and are removed', async () => {
    await git(work, 'tag', '--annotate', '--message', 'The first', 'v1');
    await git(work, 'push', '--quiet', 'origin', 'HEAD:refs/heads/topic/ä', 'v1');
    await git(other, 'fetch', '--quiet', '--tags');
    assert.equal(
      await git(other, 'rev-parse', 'v1^{}', 'origin/topic/ä'),
      await git(work, 'rev-parse', 'HEAD', 'HEAD'),
    );
    await git(work, 'push', '--quiet', 'origin', '--delete', 'topic/ä');
    await git(other, 'fetch', '--quiet', '--prune');
    await assert.rejects(git(other, 'rev-parse', '--verify', '--quiet', 'origin/topic/ä'));
  });

  await scope.test('a shallow clone, and the old protocol', async () => {
    const shallow = join(scope.dir, 'shallow');
    await git(scope.dir, 'clone', '--quiet', '--depth=1', urls.anonymous, shallow);
    assert.equal(await git(shallow, 'rev-list', '--count', 'HEAD'), '1');
    const refs = await git(scope.dir, '-c', 'protocol.version=0', 'ls-remote', urls.anonymous, 'HEAD');
    assert.equal(refs.split('\t')[0], await git(work, 'rev-parse', 'HEAD'));
  });

  await scope.test('who has no password may not push, whatever name he gives', async () => {
    await commit(other, 'g.bin', 2);
    await assert.rejects(
      git(other, 'push', '--quiet', 'origin', 'main'),
      /Authentication|could not read Username/,
    );
    const invented = urls.anonymous.replace('http://', 'http://anybody:anything@');
    await assert.rejects(git(other, 'push', '--quiet', invented, 'main'), /Authentication failed/);
    assert.equal(
      await git(work, 'ls-remote', urls.anonymous, 'main'),
      await git(work, 'ls-remote', urls.pusher, 'main'),
    );
  });

  await scope.test('a repository that is not there', async () => {
    await assert.rejects(
      git(scope.dir, 'ls-remote', urls.anonymous.replace('noise', 'nowhere')),
      /not found/,
    );
  });
}
