/** The files that a pool is made of: its own, and below it those that `extends` names, one after the other. */
import { dirname } from 'node:path';
import { evaluate } from './effective.ts';
import type { ExpandContext } from './expand.ts';
import type { ConfigFiles } from './files.ts';
import { type Problem, problem } from './problems.ts';
import { readSaid, type Said, type SaidMap } from './said.ts';
import type { TomlDocument } from './toml/document.ts';

export interface Layers {
  /** The lowest first: the last template, ..., the first template, the pool's own file. */
  readonly layers: readonly SaidMap[];
  readonly problems: readonly Problem[];
}

export function readLayers(
  document: TomlDocument,
  files: ConfigFiles,
  context: Omit<ExpandContext, 'here'>,
): Layers {
  const layers: SaidMap[] = [];
  const problems: Problem[] = [];
  const chain: string[] = [];
  let next: TomlDocument | null = document;
  while (next) {
    const says = readSaid(next, 'pool', [], chain.length === 0 ? 'file' : 'extends');
    chain.push(next.file);
    layers.unshift(says.said);
    problems.push(...says.problems);
    next = template(says.said, chain, files, context, problems);
  }
  return { layers: layers.map(withoutExtends), problems };
}

/** The file that a layer extends; null when there is none, or when it cannot be had and a problem says why. */
function template(
  said: SaidMap,
  chain: readonly string[],
  files: ConfigFiles,
  context: Omit<ExpandContext, 'here'>,
  problems: Problem[],
): TomlDocument | null {
  const it = said.get('extends');
  if (!it) return null;
  const path = readPath(it, context, problems);
  if (path === null) return null;
  const from = { place: it.place, key: 'extends' };
  if (chain.includes(path)) {
    const circle = [...chain.slice(chain.indexOf(path)), path].join(' -> ');
    const parts = { key: 'extends', found: JSON.stringify(path), remedy: 'remove one of these extends' };
    problems.push(
      problem('CONFIG_CONFLICT', it.place, `the files extend each other in a circle: ${circle}`, parts),
    );
    return null;
  }
  const read = files.document(path, from);
  if (read.ok) return read.value;
  problems.push(read.problem);
  return null;
}

function readPath(it: Said, context: Omit<ExpandContext, 'here'>, problems: Problem[]): string | null {
  const evaluated = evaluate(new Map([['extends', it]]), 'pool', context);
  problems.push(...evaluated.problems);
  const value = evaluated.said.get('extends')?.value;
  if (typeof value === 'string' && value !== '') return evaluated.problems.length === 0 ? value : null;
  const remedy = `write: extends = "${dirname(it.place.file)}/template.toml", or leave it out`;
  const message = typeof value === 'string' ? 'names no file' : 'must be a string, the path of one file';
  problems.push(problem('CONFIG_VALUE', it.place, message, { key: 'extends', allowed: 'a path', remedy }));
  return null;
}

function withoutExtends(said: SaidMap): SaidMap {
  return new Map([...said].filter(([name]) => name !== 'extends'));
}
