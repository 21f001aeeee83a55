/**
 * From files to the effective configuration, with all that is wrong in any of them at once. This looks at
 * nothing but the files: what the system says to the values (users, directories, addresses) is check/'s.
 */
import { dirname } from 'node:path';
import { applyRules } from './apply-rules.ts';
import { defaultRunDir } from './default-paths.ts';
import { evaluate, placesOf } from './effective.ts';
import { ConfigFiles } from './files.ts';
import { findPoolFiles } from './include.ts';
import { type LoadedPool, loadPool, type PoolSurroundings, withoutVariables } from './load-pool.ts';
import { hasErrors, type Obstacles, obstaclesOf, type Problem, problem, sortProblems } from './problems.ts';
import { resolveGlobal } from './resolve.ts';
import { GLOBAL_RULES } from './rules.ts';
import { readSaid, type SaidMap } from './said.ts';
import { Sources } from './sources.ts';
import type { TomlDocument } from './toml/document.ts';
import type { GlobalConfig } from './types.ts';
import { unusedByAll } from './unused.ts';
import { validateGlobal, validatePool } from './validate.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  /** fpm-ts.toml, absolute. Null: every key at its default, and no pools. */
  readonly file: string | null;
  readonly env: Env;
  /** Of the supervisor: root must say as whom the workers run. */
  readonly uid: number;
  /** What `${node}` means; the Node that runs us when left out. */
  readonly node?: string;
}

export interface LoadResult {
  /** Null when there is an error among the problems. */
  readonly config: GlobalConfig | null;
  /** By file and line. */
  readonly problems: readonly Problem[];
  /** By pool, what keeps that pool alone from being used: its configuration lacks it. */
  readonly obstacles: Obstacles;
  readonly sources: Sources;
}

export function loadConfig(options: LoadOptions): LoadResult {
  const files = new ConfigFiles();
  const main = readMain(options.file, files);
  const global = loadGlobal(main, options);
  const defaults = readDefaults(main);
  const context = { runDir: global.runDir, node: options.node ?? process.execPath, env: options.env };
  const around: PoolSurroundings = { defaults: defaults.said, files, context, uid: options.uid };

  const here = dirname(options.file ?? '/');
  const patternPlaces = global.said.get('include')?.items ?? [];
  const included = findPoolFiles(options.file === null ? [] : global.keys.include, here, patternPlaces);
  const loaded = new Map(included.files.map(it => [it.pool, { file: it.file, ...loadPool(it, around) }]));

  const fromPools = [...loaded.values()].flatMap(it => it.problems);
  const problems = sortProblems([
    ...main.problems,
    ...global.problems,
    ...defaults.problems,
    ...included.problems,
    ...fromPools,
    ...unusedByAll([...loaded.values()]),
    ...unseen(checkDefaults(defaults.said, options, context), fromPools),
  ]);
  const pools = [...loaded.values()].flatMap(it => it.pool ?? []);
  return {
    config: hasErrors(problems) ? null : resolveGlobal(options.file, global.keys, global.runDir, pools),
    problems,
    obstacles: obstaclesOf([...loaded].map(([name, it]) => [name, it.obstacles])),
    sources: new Sources(options.file, placesOf(global.said), placesByPool(loaded), files),
  };
}

interface Main {
  readonly document: TomlDocument | null;
  readonly file: string;
  readonly problems: readonly Problem[];
}

function readMain(file: string | null, files: ConfigFiles): Main {
  if (file === null) return { document: null, file: '', problems: [] };
  const read = files.document(file, null);
  return read.ok
    ? { document: read.value, file, problems: [] }
    : { document: null, file, problems: [read.problem] };
}

function loadGlobal(main: Main, options: LoadOptions) {
  const says = main.document
    ? readSaid(main.document, 'global', [], 'file')
    : { said: new Map() as SaidMap, problems: [] };
  const context = {
    pool: undefined,
    runDir: undefined,
    node: options.node ?? process.execPath,
    env: options.env,
  };
  // run_dir comes first, because the other values may mention it.
  const first = evaluate(new Map([...says.said].filter(([name]) => name === 'run_dir')), 'global', context);
  const said = first.said.get('run_dir')?.value;
  const runDir = typeof said === 'string' && said !== '' ? said : defaultRunDir(options.uid, options.env);
  const rest = evaluate(new Map([...says.said].filter(([name]) => name !== 'run_dir')), 'global', {
    ...context,
    runDir,
  });
  const all: SaidMap = new Map([...first.said, ...rest.said]);
  const validated = validateGlobal(all, main.file);
  const variables = [...first.problems, ...rest.problems];
  return {
    said: all,
    keys: validated.keys,
    runDir,
    problems: [
      ...says.problems,
      ...variables,
      ...withoutVariables(validated.problems, variables),
      ...applyRules(GLOBAL_RULES, validated, all, main.file, { uid: options.uid }).problems,
    ],
  };
}

function readDefaults(main: Main): { said: SaidMap; problems: readonly Problem[] } {
  if (!main.document) return { said: new Map(), problems: [] };
  const says = readSaid(main.document, 'pool', ['defaults'], 'defaults');
  const it = says.said.get('extends');
  if (!it) return says;
  const message = '[defaults] is underneath every pool already and extends nothing itself';
  const remedy = 'set the keys here, or say extends in the pool files';
  const said = new Map([...says.said].filter(([name]) => name !== 'extends'));
  return {
    said,
    problems: [...says.problems, problem('CONFIG_CONFLICT', it.place, message, { key: 'extends', remedy })],
  };
}

/** What is wrong with [defaults] by itself: a pool shows it only for the keys that it does not set. */
function checkDefaults(
  defaults: SaidMap,
  options: LoadOptions,
  context: PoolSurroundings['context'],
): readonly Problem[] {
  const { said, problems } = evaluate(defaults, 'pool', { ...context, pool: 'defaults' });
  const validated = validatePool(said, options.file ?? '');
  const values = validated.problems.filter(it => it.code !== 'CONFIG_REQUIRED');
  return [...problems, ...withoutVariables(values, problems)];
}

/** Those at places where nothing was reported yet. */
function unseen(problems: readonly Problem[], reported: readonly Problem[]): readonly Problem[] {
  const placeOf = (it: Problem): string => `${it.file}:${it.line}:${it.column}`;
  const known = new Set(reported.map(placeOf));
  return problems.filter(it => !known.has(placeOf(it)));
}

function placesByPool(
  loaded: ReadonlyMap<string, LoadedPool & { file: string }>,
): ConstructorParameters<typeof Sources>[2] {
  return new Map([...loaded].map(([name, it]) => [name, { file: it.file, places: it.places }]));
}
