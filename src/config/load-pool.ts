/** One pool: its layers merged, evaluated, validated, held against the rules, resolved. */
import { applyRules } from './apply-rules.ts';
import { evaluate, mergeLayers, placesOf } from './effective.ts';
import type { ExpandContext } from './expand.ts';
import type { ConfigFiles } from './files.ts';
import type { IncludedFile } from './include.ts';
import { readLayers } from './layers.ts';
import { hasErrors, type Problem } from './problems.ts';
import { resolvePool } from './resolve.ts';
import { POOL_RULES } from './rules.ts';
import type { SaidMap } from './said.ts';
import { readSecrets } from './secrets.ts';
import type { KeyPlace } from './sources.ts';
import type { PoolConfig } from './types.ts';
import { validatePool } from './validate.ts';

export interface PoolSurroundings {
  /** What [defaults] says. */
  readonly defaults: SaidMap;
  readonly files: ConfigFiles;
  readonly context: Omit<ExpandContext, 'here' | 'pool'>;
  /** Of the supervisor. */
  readonly uid: number;
}

export interface LoadedPool {
  readonly pool: PoolConfig | null;
  readonly places: ReadonlyMap<string, KeyPlace>;
  readonly problems: readonly Problem[];
  /** What is wrong with its env files, which may be its user's: it concerns this pool alone. */
  readonly obstacles: readonly Problem[];
  /** Notices about values that have no effect in this pool. */
  readonly unused: readonly Problem[];
}

export function loadPool({ file, pool: name }: IncludedFile, around: PoolSurroundings): LoadedPool {
  const read = around.files.document(file, null);
  if (!read.ok) return { pool: null, places: new Map(), problems: [read.problem], obstacles: [], unused: [] };
  const context = { ...around.context, pool: name };
  const { layers, problems: layerProblems } = readLayers(read.value, around.files, context);
  const { said, problems: variableProblems } = evaluate(
    mergeLayers([around.defaults, ...layers]),
    'pool',
    context,
  );
  const validated = validatePool(said, file);
  const { env_files: paths, enabled } = validated.keys;
  const secrets = readSecrets(enabled ? paths : [], said.get('env_files'), validated.keys, around.files);
  const applied = applyRules(POOL_RULES, validated, said, file, { uid: around.uid });
  const problems = withoutFollowUps([
    ...layerProblems,
    ...variableProblems,
    ...unlessDisabled(enabled, [
      ...withoutVariables(validated.problems, variableProblems),
      ...applied.problems,
    ]),
  ]);
  const pool = hasErrors(problems) ? null : resolvePool(name, file, validated.keys, secrets.variables);
  return {
    pool,
    places: new Map([...placesOf(said), ...secrets.places]),
    problems,
    obstacles: secrets.problems,
    unused: applied.unused,
  };
}

/** A pool that is switched off may ask for what this version does not have. */
function unlessDisabled(isEnabled: boolean, problems: readonly Problem[]): readonly Problem[] {
  return isEnabled ? problems : problems.filter(it => it.code !== 'CONFIG_NOT_YET');
}

/** A value with an unknown variable in it has not been expanded, so what the schema thinks of it says nothing. */
export function withoutVariables(
  problems: readonly Problem[],
  variables: readonly Problem[],
): readonly Problem[] {
  const keys = new Set(variables.map(it => it.key));
  return problems.filter(it => !keys.has(it.key?.replace(/\[\d+\]$/, '') ?? null));
}

/** A required key is not missing when it is there misspelled or misplaced, or may have been in a part that was not understood. */
function withoutFollowUps(problems: readonly Problem[]): readonly Problem[] {
  const isUnread = problems.some(it => it.code === 'CONFIG_SYNTAX');
  const meant = new Set(problems.map(it => it.allowed));
  return problems.filter(it => it.code !== 'CONFIG_REQUIRED' || !(isUnread || meant.has(it.key)));
}
