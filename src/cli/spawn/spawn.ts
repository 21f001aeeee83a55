/** From the command line to a keeper that runs, and what is said of it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, FpmError } from '../../errors.ts';
import { emptySpawned, removeSpawned } from '../../keeper/spawned.ts';
import { errorBody } from '../../keeper/supervision/error-body.ts';
import { signalProcess, untilEnded } from '../../os/pidfd.ts';
import { startInBackground } from '../background.ts';
import { print, printJson } from '../context.ts';
import { write } from '../output.ts';
import { findAccounts } from './accounts.ts';
import { ignoredOptions, readRequest, type SpawnOptions, type SpawnRequest } from './command-line.ts';
import { addressText, mainText, poolName, poolText, type Surroundings } from './configuration.ts';
import { childFailure, hasFailed, inUse, refusal } from './failure.ts';
import { findPlaces, groupOfNewFile } from './places.ts';
import { SpawnRefused } from './refused.ts';
import { configFileIn, runDirOf, stoppingIn, takeRunDir } from './run-dir.ts';

export async function spawn(
  entry: string,
  options: SpawnOptions,
  app: readonly string[],
  json: boolean,
): Promise<void> {
  try {
    const isRoot = process.getuid?.() === 0;
    for (const option of ignoredOptions(options, isRoot)) say(`${option} is for root only, and ignored`);
    const request = readRequest(options, app, isRoot);
    const around = look(request, isRoot);
    const runDir = runDirFor(request, around);
    await untilPredecessorEnded(runDir);
    prepare(request, around, runDir);
    if (request.isForeground) await inForeground(entry, configFileIn(runDir), json);
    else await inBackground(request, runDir, json);
  } catch (error) {
    if (!(error instanceof SpawnRefused)) throw error;
    if (json) printJson(errorBody(new FpmError('FAILED', error.message)));
    else say(error.message);
    process.exitCode = error.exitCode;
  }
}

function look(request: SpawnRequest, isRoot: boolean): Surroundings {
  const accounts = findAccounts(request);
  const places = findPlaces(request, accounts, process.cwd());
  const umask = process.umask(0o022); // what is made for ourselves from here on is not concerned
  const inheritedGroup = places.socket === null ? null : groupOfNewFile(places.socket);
  return { accounts, places, env: process.env, umask, isRoot, inheritedGroup };
}

function runDirFor(request: SpawnRequest, { places, env }: Surroundings): string {
  return runDirOf(poolName(request), addressText(request, places), process.getuid?.() ?? 0, env);
}

/**
 * The restart of an init script is `kill`, a second at most, and a start. The one that was told to stop still has
 * requests in hand then, and would leave nobody behind.
 */
async function untilPredecessorEnded(runDir: string): Promise<void> {
  const pid = await stoppingIn(runDir);
  if (pid === null) return;
  say(`pid ${pid} had this address and is stopping: waiting until it has ended`);
  await untilEnded(pid);
}

/** Takes the run directory and writes the configuration into it. */
function prepare(request: SpawnRequest, around: Surroundings, runDir: string): void {
  try {
    if (!takeRunDir(runDir)) throw inUse(request, 'another fpm-ts spawn listens there');
    writeFileSync(configFileIn(runDir), mainText(request, around, runDir), { mode: 0o600 });
    writeFileSync(poolFileIn(runDir, request), poolText(request, around), { mode: 0o600 });
  } catch (error) {
    if (error instanceof SpawnRefused) throw error;
    throw new SpawnRefused(`the run directory cannot be made: ${(error as Error).message}`);
  }
}

async function inForeground(entry: string, configFile: string, json: boolean): Promise<void> {
  const { runKeeper } = await import('../keeper-process.ts');
  runKeeper({ entry, configFile, json, announceDescriptor: null });
}

async function inBackground(request: SpawnRequest, runDir: string, json: boolean): Promise<void> {
  const configFile = configFileIn(runDir);
  const announced = await startInBackground(configFile, true);
  const { pid } = announced;
  if (announced.exitCode !== EXIT.ok) {
    await untilEnded(pid);
    // The keeper does not know of a directory that it has not come to use.
    if (emptySpawned(runDir, [])) removeSpawned(runDir);
    throw refusal(announced, request, runDir);
  }
  if (!announced.ok && !hasFailed(announced)) {
    say(`${announced.message}\n  what ran before continues, pid ${pid}`);
    process.exitCode = EXIT.failed;
    return;
  }
  if (!announced.ok) {
    signalProcess(pid, 'SIGTERM');
    await untilEnded(pid);
    throw childFailure(announced);
  }
  if (json) return printJson({ pid, config: configFile });
  print(`spawn-fcgi: child spawned successfully: PID: ${pid}`);
  if (process.stdout.isTTY)
    print(
      `fpm-ts keeps it alive: fpm-ts -c ${configFile} status, or reload, or stop; kill ${pid} ends it, too`,
    );
}

function poolFileIn(runDir: string, request: SpawnRequest): string {
  return join(runDir, `${poolName(request)}.toml`);
}

function say(text: string): void {
  const [first, ...more] = text.split('\n');
  const rest = more.map(line => (line.startsWith(' ') ? line : `spawn-fcgi: ${line}`));
  write('stderr', `${[`spawn-fcgi: ${first}`, ...rest].join('\n')}\n`);
}
