/** Who gets where, beside what the kernel says when that user tries it: modes, owners, links, access lists. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Actor, EXECUTE } from '../../src/config/check/permission.ts';
import { may, walk } from '../../src/config/check/walk.ts';
import { declare, lastErrno } from '../../src/os/libc.ts';
import { runCommand } from '../lib/command.ts';
import { suite } from '../lib/suite.ts';

const UID = 65_534;
const GID = 65_533;
const GROUP = 65_532;
const WORKER: Actor = { label: 'worker', uid: UID, gid: GID, groups: [GROUP], overrides: false };
const EOPNOTSUPP = 95;

const setxattr = declare('int setxattr(const char*, const char*, const void*, size_t, int)');

type Entry = readonly [tag: number, permissions: number, id: number];

/** @returns false where the file system keeps no access lists */
function setAcl(path: string, entries: readonly Entry[]): boolean {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  for (const [i, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + i * 8);
    bytes.writeUInt16LE(permissions, 6 + i * 8);
    bytes.writeUInt32LE(id, 8 + i * 8);
  }
  const result = setxattr(path, 'system.posix_acl_access', bytes, bytes.length, 0);
  assert.ok(result === 0 || lastErrno() === EOPNOTSUPP, `setxattr ${path}: errno ${lastErrno()}`);
  return result === 0;
}

const ANY = 0xffff_ffff;
/** owner, named user, owning group, named group, mask, other: as setfacl would write them. */
function acl(user: number, group: number, mask: number, other: number): Entry[] {
  return [
    [0x01, 7, ANY],
    [0x02, user, UID],
    [0x04, 0, ANY],
    [0x08, group, GROUP],
    [0x10, mask, ANY],
    [0x20, other, ANY],
  ];
}

const OWNERS: readonly (readonly [uid: number, gid: number])[] = [
  [0, 0],
  [UID, 0],
  [0, GID],
  [0, GROUP],
];
const MODES = [0o000, 0o001, 0o010, 0o100, 0o111, 0o666, 0o700, 0o710, 0o701, 0o750, 0o755, 0o677, 0o767];

suite('root/check-permission', { root: true, needs: ['setpriv'] }, async scope => {
  const { dir } = scope;
  const paths: string[] = [];
  const file = (path: string, mode: number, uid = 0, gid = 0): string => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    paths.push(path);
    return path;
  };
  for (const [uid, gid] of OWNERS) {
    for (const mode of MODES) {
      const name = `${uid}-${gid}-${mode.toString(8)}`;
      file(`${dir}/file-${name}`, mode, uid, gid);
      const inside = file(`${dir}/dir-${name}/program`, 0o755);
      chownSync(dirname(inside), uid, gid);
      chmodSync(dirname(inside), mode);
      paths.push(dirname(inside), `${dirname(inside)}/missing`);
    }
  }
  const link = (target: string, name: string): void => {
    symlinkSync(target, `${dir}/${name}`);
    paths.push(`${dir}/${name}`);
  };
  link('file-0-0-755', 'relative');
  link(`${dir}/file-0-0-755`, 'absolute');
  link('relative', 'twice');
  link('dir-0-0-755/../file-0-0-755', 'dots');
  link('dir-0-0-700/../file-0-0-755', 'dots-closed');
  link('dir-0-0-755', 'to-dir');
  link('nowhere', 'dangling');
  link('loop', 'loop');
  paths.push(`${dir}/to-dir/program`, `${dir}/to-dir/./../relative`);
  let hasAcl = true;
  for (const [user, group, mask, other] of [
    [1, 0, 7, 0],
    [1, 0, 6, 0],
    [0, 1, 7, 1],
    [0, 1, 7, 0],
    [5, 7, 1, 7],
  ] as const) {
    const path = file(`${dir}/acl-${user}${group}${mask}${other}`, 0o755);
    hasAcl &&= setAcl(path, acl(user, group, mask, other));
  }

  await scope.test('every one of them as the kernel has it for that user', async () => {
    const allowed = await allowedByKernel(paths);
    for (const path of paths) {
      const end = walk(path, WORKER);
      const verdict = end.found && end.stat.isFile() && may(WORKER, end.path, end.stat, EXECUTE) === true;
      assert.equal(verdict, allowed.has(path), path);
    }
    assert.ok(allowed.size > 20 && allowed.size < paths.length / 2, `${allowed.size} of ${paths.length}`);
  });

  scope.diagnostic(hasAcl ? 'access lists included' : 'no access lists on this file system');
});

async function allowedByKernel(paths: readonly string[]): Promise<ReadonlySet<string>> {
  const credentials = [`--reuid=${UID}`, `--regid=${GID}`, `--groups=${GROUP}`];
  const script = 'for path; do test -f "$path" && test -x "$path" && echo "$path"; done; true';
  const { code, stdout, stderr } = await runCommand('setpriv', [
    ...credentials,
    'sh',
    '-c',
    script,
    'sh',
    ...paths,
  ]);
  assert.equal(code, 0, stderr);
  return new Set(stdout.split('\n').filter(line => line !== ''));
}
