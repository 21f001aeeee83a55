/** Names that are exchanged as fast as the kernel can, by a process of its own: what an attacker with a shell does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { writeScript } from './cgi-tree.ts';
import { compileFixture } from './compile.ts';
import type { Place } from './place.ts';

/** Two names below a root, of which `asked` is requested; by one of them a file outside of the root is reached. */
export interface Pair {
  readonly name: string;
  readonly one: string;
  readonly other: string;
  readonly asked: string;
}

/**
 * Makes each kind of pair: what is inside is run by `inside`, what is outside by `outside`, both texts of scripts.
 * @param root holds the pairs, `away` the files outside
 */
export function exchangedPairs(root: string, away: string, inside: string, outside: string): readonly Pair[] {
  for (const path of ['file', 'in', 'directory/script', 'far/directory/script'])
    writeScript(`${root}/${path}`, inside);
  for (const path of ['file', 'directory/script']) writeScript(`${away}/${path}`, outside);
  mkdirSync(`${root}/deep`);
  const pairs = [
    { name: 'two links to files', links: ['link', `${root}/in`, `${away}/file`], asked: 'link' },
    { name: 'a file and a link', links: ['file', null, `${away}/file`], asked: 'file' },
    {
      name: 'a directory and a link',
      links: ['directory', null, `${away}/directory`],
      asked: 'directory/script',
    },
    {
      name: 'two links to directories',
      links: ['deep/way', '../far/directory', `${away}/directory`],
      asked: 'deep/way/script',
    },
    {
      name: 'two links, reached by two dots',
      links: ['dots', 'in', `${away}/file`],
      asked: 'deep/../dots',
    },
  ] as const;
  return pairs.map(({ name, links: [link, inner, outer], asked }) => {
    const [one, other] = [`${root}/${link}`, `${root}/${link}.other`];
    if (inner !== null) symlinkSync(inner, one);
    symlinkSync(outer, other);
    return { name, one, other, asked };
  });
}

/** Exchanges them from now on, as that user. @returns what stops it */
export async function exchange(
  place: Place,
  { one, other }: Pick<Pair, 'one' | 'other'>,
  uid?: number,
  gid: number | undefined = uid,
): Promise<() => Promise<void>> {
  const program = await compileFixture('exchange', []);
  const child = spawn(program, [one, other], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  place.defer(stop);
  await once(child.stdout, 'data');
  return stop;
}
