/** Turns this process into the keeper. */
import { Keeper } from '../keeper/keeper.ts';
import { KEEPER_TITLE } from '../os/keepers.ts';

/**
 * Little new memory before each collection, compact code, few threads of V8's own: with 1,000 workers in 100 pools
 * 75 MB resident instead of 150, at no CPU that shows.
 */
const SUPERVISOR_FLAGS = ['--max-semi-space-size=1', '--optimize-for-size', '--v8-pool-size=1'];

export interface KeeperProcessOptions {
  /** The file that was started: the supervisor is started with it, too. */
  readonly entry: string;
  readonly configFile: string;
  readonly json: boolean;
  readonly announceDescriptor: number | null;
}

export async function runKeeper(options: KeeperProcessOptions): Promise<void> {
  process.title = KEEPER_TITLE;
  const { entry, configFile, json, announceDescriptor } = options;
  await Keeper.start({
    supervisorArgv: [
      process.execPath,
      ...process.execArgv,
      ...SUPERVISOR_FLAGS,
      entry,
      'supervisor',
      '--config',
      configFile,
      ...(json ? ['--json'] : []),
    ],
    announceDescriptor,
  });
}
