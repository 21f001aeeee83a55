/** Where the log goes, and those of pools: by the configuration, with or without a supervisor that runs. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { poolNamesOf } from '../../config/pool-names.ts';
import { runtimePaths } from '../../config/runtime-paths.ts';
import type { PoolConfig } from '../../config/types.ts';
import { glance } from '../../control/client.ts';
import { FpmError } from '../../errors.ts';
import { keeperFor } from '../../os/keepers.ts';
import { type GlobalOptions, instance, loadFiles, requiredConfigFile } from '../context.ts';
import { stderrOf } from './keeper-stderr.ts';

export interface LogPlaces {
  readonly files: ReadonlyMap<string, OwnedLog>;
  /** What is logged elsewhere, and where; what of the configuration could not be read. */
  readonly notes: readonly string[];
}

export interface OwnedLog {
  /** The pools whose own file it is; null: the main log. */
  readonly pools: readonly string[] | null;
}

/**
 * @param pool only where records of this pool can be; null: all of them
 * @param journalOptions what journalctl is to be told, where the log goes to the journal
 * @throws {FpmError} NO_SUCH_POOL, and those of the configuration
 */
export async function logPlaces(
  options: GlobalOptions,
  pool: string | null,
  journalOptions: (unit: string) => string,
): Promise<LogPlaces> {
  const configFile = await requiredConfigFile(options);
  const paths = runtimePaths(configFile);
  const { config } = await loadFiles(options);
  const names = [...new Set([...poolNamesOf(configFile), ...(config?.pools ?? []).map(it => it.name)])];
  if (pool !== null && !names.includes(pool)) throw noSuchPool(pool, configFile, names);
  const notes: string[] = [];
  if (config === null)
    notes.push(
      'the configuration has errors (`fpm-ts check` shows them): logs that pools have of their own are not shown',
    );

  const files = new Map<string, OwnedLog>();
  const running = await glance(await instance(options));
  const said = running?.running_settings?.['log.file'];
  const main = typeof said === 'string' ? said : paths.logFile;
  const place = main === 'stderr' ? stderrPlace(configFile, paths.runDir, journalOptions) : { file: main };
  if ('file' in place) files.set(place.file, { pools: null });
  else notes.push(place.note);
  for (const [file, pools] of ownLogs(config?.pools ?? [])) {
    // A pool that had its own file yesterday may share the file of another one today: all of them are searched.
    if (!files.has(file)) files.set(file, { pools });
  }
  return { files, notes };
}

function ownLogs(pools: readonly PoolConfig[]): ReadonlyMap<string, readonly string[]> {
  const byFile = new Map<string, string[]>();
  for (const { name, log } of pools) {
    if (log.file !== undefined) byFile.set(log.file, [...(byFile.get(log.file) ?? []), name]);
  }
  return byFile;
}

/** Where the log goes when log.file is "stderr". */
function stderrPlace(
  configFile: string,
  runDir: string,
  journalOptions: (unit: string) => string,
): { readonly file: string } | { readonly note: string } {
  const keeper = keeperFor(configFile);
  const stderr = keeper === null ? null : stderrOf(keeper);
  if (stderr?.file !== undefined) return { file: stderr.file };
  const ofBackground = join(runDir, 'fpm-ts.log');
  if (stderr === null || stderr.isNowhere || (stderr.link === null && stderr.journal === null)) {
    const isKept = statSync(ofBackground, { throwIfNoEntry: false }) !== undefined;
    if (isKept || stderr?.isNowhere === true) return { file: ofBackground };
  }
  if (stderr?.journal != null)
    return { note: `the log goes to the journal: \`${journalOptions(stderr.journal)}\` shows it` };
  const keep = 'To keep it in a file, set log.file in fpm-ts.toml and restart fpm-ts';
  if (keeper === null)
    return {
      note: `log.file is "stderr" and fpm-ts does not run, so it is not known where its log went. That of the service: \`${journalOptions('-u fpm-ts')}\`. ${keep}`,
    };
  return {
    note: `the log goes to the standard error of the process that started fpm-ts (pid ${keeper}${stderr?.link == null ? '' : `: ${stderr.link}`}), which cannot be read from here. ${keep}`,
  };
}

function noSuchPool(name: string, configFile: string, known: readonly string[]): FpmError {
  return new FpmError(
    'NO_SUCH_POOL',
    `there is no pool ${name} in ${configFile}; there are: ${known.join(', ') || 'none'}`,
  );
}
