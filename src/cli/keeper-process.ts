/** Turns this process into the keeper. */
import { closeSync, readFileSync } from 'node:fs';
import { COMMANDS } from '../commands/commands.ts';
import { type Inheritance, parseInheritance } from '../keeper/handover/inheritance.ts';
import { Keeper } from '../keeper/keeper.ts';
import { KEEPER_TITLE } from '../os/keepers.ts';
import { programAsStarted } from './installed-program.ts';
import { KEEPER_FLAGS, NO_DEBUGGER, SUPERVISOR_FLAGS } from './node-flags.ts';

export interface KeeperProcessOptions {
  /** The file that was started: the supervisor is started with it, too. */
  readonly entry: string;
  readonly configFile: string;
  readonly json: boolean;
  readonly announceDescriptor: number | null;
  /** Where an earlier program of this process has left what there is; without it this is a start. */
  readonly resumeDescriptor?: number | null;
}

export function runKeeper(options: KeeperProcessOptions): void {
  const { entry, configFile, json, announceDescriptor, resumeDescriptor = null } = options;
  process.title = `${KEEPER_TITLE} (${configFile})`; // as php-fpm's master says: it is what `-c` wants
  const common = ['--config', configFile, ...(json ? ['--json'] : [])];
  const { node, entry: installed } = programAsStarted();
  Keeper.start({
    supervisorArgv: [
      process.execPath,
      ...process.execArgv.filter(flag => !KEEPER_FLAGS.includes(flag)),
      ...SUPERVISOR_FLAGS,
      entry,
      'supervisor',
      ...common,
    ],
    announceDescriptor,
    commands: COMMANDS,
    program: {
      node: [node, ...new Set([...process.execArgv, NO_DEBUGGER])],
      entry: installed,
      options: common,
    },
    inheritance: resumeDescriptor === null ? null : readInheritance(resumeDescriptor),
  });
}

function readInheritance(descriptor: number): Inheritance {
  const text = readFileSync(`/proc/self/fd/${descriptor}`, 'utf8');
  closeSync(descriptor);
  return parseInheritance(text);
}
