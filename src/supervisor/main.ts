/** The supervisor process: starts fresh or goes on where the last one died, then serves until it is told to stop. */

import { refuseOther } from '../control/socket.ts';
import { EXIT, FpmError } from '../errors.ts';
import { type Keeper, KeeperClient } from '../keeper/client.ts';
import { type Left, leftIn } from '../keeper/handover/left.ts';
import { LAST_RELOAD, LAST_UPGRADE, RESUMED, SETTINGS } from '../keeper/notes.ts';
import { type Ending, PROTOCOL, type World } from '../keeper/protocol.ts';
import { errorBody } from '../keeper/supervision/error-body.ts';
import { endProcess } from '../os/descriptor.ts';
import { SUPERVISOR_TITLE } from '../os/keepers.ts';
import { ownLibraries } from '../os/own-library.ts';
import { jsonText } from '../printable.ts';
import { VERSION } from '../version.ts';
import { thawAll } from '../worker/freeze.ts';
import { checkAgainstSystem, type Loaded, readConfiguration, residenceOf } from './configuration.ts';
import { Daemon, RELOAD_DUE } from './daemon.ts';
import { degradations } from './degraded.ts';
import { Settings } from './global-settings.ts';
import { restorePools, startedAgain } from './restore-pools.ts';
import { startPools } from './start-pools.ts';

/** Where the keeper put our end of the channel. */
const CHANNEL_DESCRIPTOR = 3;

export interface SupervisorOptions {
  /** null: everything at its default. */
  readonly configFile: string | null;
  /** Failures of the start are shown as JSON. */
  readonly json: boolean;
}

export async function runSupervisor(options: SupervisorOptions): Promise<void> {
  process.title = SUPERVISOR_TITLE;
  ownLibraries();
  let daemon: Daemon | null = null;
  const early: Parameters<Daemon['supervisor']['enqueue']>[0][] = [];
  const keeper = new KeeperClient(
    CHANNEL_DESCRIPTOR,
    event => (daemon === null ? early.push(event) : daemon.supervisor.enqueue(event)),
    () => {
      // The keeper is gone, and with it everything that we could do.
      thawAll();
      endProcess(EXIT.failed);
    },
  );
  let isSuccessor = false;
  try {
    const { world, left, loaded } = await begin(keeper, options);
    isSuccessor = loaded === null;
    daemon =
      loaded === null
        ? await restore(keeper, world, options)
        : await startFresh(keeper, world, loaded, left, options);
    for (const event of early) daemon.supervisor.enqueue(event);
    await daemon.serve();
    await finish(keeper, { exitCode: EXIT.ok, message: '', stream: 'stderr' });
  } catch (error) {
    if (isSuccessor) giveWay(error);
    const shown = error instanceof FpmError ? error : new FpmError('FAILED', messageOf(error));
    await finish(keeper, ending(shown, options.json));
  }
}

interface Beginning {
  readonly world: World;
  /** What the last keeper had left before ours took the run directory; null: there was no need to look. */
  readonly left: Left | null;
  /** The configuration to begin with; null: there is something to go on with. */
  readonly loaded: Loaded | null;
}

/** Finds out whether an earlier supervisor, or a keeper that was killed, has left something to go on with. */
async function begin(keeper: Keeper, options: SupervisorOptions): Promise<Beginning> {
  const world = await keeper.ask('hello', { protocol: PROTOCOL, version: VERSION });
  if (world.notes[SETTINGS] !== undefined) return { world, left: null, loaded: null };
  const loaded = readConfiguration(options.configFile);
  const left = leftIn(loaded.config.runDir);
  const found = await settle(keeper, world, loaded, left);
  refuseOther(loaded.config.control.socket);
  if (found?.notes[SETTINGS] === undefined) return { world, left, loaded };
  // The files may say something else by now, and as after any start they are to be in effect.
  keeper.post('note', { name: RELOAD_DUE, text: 'yes' });
  // It is a restart, too: what only a restart applies is in effect.
  const { text } = new Settings(loaded.config).note;
  const adopted = { ...found, notes: { ...found.notes, [RELOAD_DUE]: 'yes', [SETTINGS]: text ?? '' } };
  return {
    world: found.notes.stopping === undefined ? adopted : startedAgain(keeper, adopted),
    left,
    loaded: null,
  };
}

async function startFresh(
  keeper: Keeper,
  world: World,
  loaded: Loaded,
  left: Left | null,
  options: SupervisorOptions,
): Promise<Daemon> {
  // What could be taken over has been: of the rest, only that it may be there is worth saying.
  const rest = { inodes: new Set<number>(), workers: 0, unusable: left?.unusable ?? null };
  const { notices, obstacles } = await checkAgainstSystem(
    loaded,
    { own: [], left: rest },
    world.inheritedSockets,
  );
  const settings = new Settings(loaded.config);
  const daemon = new Daemon(keeper, world, settings, options.configFile);
  for (const text of [...notices.map(it => it.text), ...degradations(loaded.config.pools)])
    daemon.report({ type: 'notice', text });
  daemon.files.remember(loaded.sources.files, loaded.config);
  await startPools(daemon.supervisor, keeper, loaded.config.pools, obstacles);
  return daemon;
}

/** Before everything is checked, because another supervisor explains the addresses that are taken. */
async function settle(keeper: Keeper, world: World, loaded: Loaded, left: Left): Promise<World | null> {
  const { runDir, pidFile } = loaded.config;
  const answer = await keeper.ask('settle', residenceOf(loaded.config)).catch(async (error: unknown) => {
    // It knows file, line and remedy of most reasons.
    const known = await checkAgainstSystem(loaded, { own: [], left }, world.inheritedSockets).catch(
      (found: unknown) => found,
    );
    throw withSurvivors(known instanceof FpmError ? known : error, left);
  });
  if (answer.heldBy === null) return answer.found;
  throw new FpmError(
    'ALREADY_RUNNING',
    `a supervisor with pid ${answer.heldBy} runs already (run_dir ${runDir}, pid file ${pidFile}); \`fpm-ts stop\` ends it`,
  );
}

/** Who reads that a start was refused wants to know that clients are served all the same. */
function withSurvivors(error: unknown, { workers }: Left): unknown {
  if (workers === 0) return error;
  const still =
    workers === 1
      ? '1 worker of the last fpm-ts still serves'
      : `${workers} workers of the last fpm-ts still serve`;
  const { code, place, parts } = error instanceof FpmError ? error : new FpmError('FAILED', messageOf(error));
  return new FpmError(
    code,
    `${messageOf(error)}\n${still}: a start continues with what is left when that is mended`,
    place,
    parts,
  );
}

/** Continues what an earlier supervisor had in effect, whatever the files say by now. */
export async function restore(keeper: Keeper, world: World, options: SupervisorOptions): Promise<Daemon> {
  const { notes } = world;
  const settings = Settings.parse(notes[SETTINGS] ?? '');
  const daemon = new Daemon(keeper, world, settings, options.configFile);
  await keeper.ask('settle', residenceOf(settings.running)); // the directory may have been removed
  keeper.post('note', settings.note);
  daemon.files.restore(notes.files);
  daemon.reloadRecord.restore(notes[LAST_RELOAD]);
  daemon.upgrades.restore(notes[LAST_UPGRADE]);
  restorePools(keeper, world, daemon.supervisor);
  const found = { pools: daemon.supervisor.pools.size, workers: world.workers.length };
  daemon.report({ type: notes[RESUMED] === 'yes' ? 'upgraded' : 'restored', ...found });
  keeper.post('note', { name: RESUMED, text: 'no' });
  return daemon;
}

/** Workers are serving: a failure of ours must not end them. The keeper logs it and starts another supervisor. */
function giveWay(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return endProcess(EXIT.failed);
}

async function finish(keeper: Keeper, how: Ending): Promise<never> {
  await keeper.ask('finish', how);
  return endProcess(EXIT.ok);
}

/** As every command tells its failure: JSON is a result and goes to stdout. */
function ending(error: FpmError, json: boolean): Ending {
  const { exitCode, message } = error;
  return json
    ? { exitCode, message: `${jsonText(errorBody(error))}\n`, stream: 'stdout' }
    : { exitCode, message: `fpm-ts: ${message}\n`, stream: 'stderr' };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
