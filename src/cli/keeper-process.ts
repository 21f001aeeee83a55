/** Turns this process into the keeper. */
import { Keeper } from '../keeper/keeper.ts';
import { KEEPER_TITLE } from '../os/keepers.ts';
import { KEEPER_FLAGS, SUPERVISOR_FLAGS } from './node-flags.ts';

export interface KeeperProcessOptions {
  /** The file that was started: the supervisor is started with it, too. */
  readonly entry: string;
  readonly configFile: string;
  readonly json: boolean;
  readonly announceDescriptor: number | null;
}

export function runKeeper(options: KeeperProcessOptions): void {
  const { entry, configFile, json, announceDescriptor } = options;
  process.title = `${KEEPER_TITLE} (${configFile})`; // as php-fpm's master says: it is what `-c` wants
  Keeper.start({
    supervisorArgv: [
      process.execPath,
      ...process.execArgv.filter(flag => !KEEPER_FLAGS.includes(flag)),
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
