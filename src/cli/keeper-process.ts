/** Turns this process into the keeper. */
import { Keeper } from '../keeper/keeper.ts';

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
      entry,
      'supervisor',
      '--config',
      configFile,
      ...(json ? ['--json'] : []),
    ],
    announceDescriptor,
  });
}
