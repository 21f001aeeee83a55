/** Turns this process into the keeper. */
import { Keeper } from '../keeper/keeper.ts';

/** Little new memory before each collection: with 1,000 workers 71 MB resident instead of 141, at no CPU that shows. */
const SUPERVISOR_FLAGS = ['--max-semi-space-size=1'];

export interface KeeperProcessOptions {
  /** The file that was started: the supervisor is started with it, too. */
  readonly entry: string;
  readonly configFile: string;
  readonly json: boolean;
  readonly announceDescriptor: number | null;
}

export async function runKeeper(options: KeeperProcessOptions): Promise<void> {
  process.title = 'fpm-ts: keeper';
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
