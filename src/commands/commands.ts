/** The commands of the control socket, in the order in which help and documents list them. */
import type { Output } from './command.ts';
import { explain } from './explain.ts';
import { pause } from './pause.ts';
import { reload } from './reload.ts';
import { reopenLogs } from './reopen-logs.ts';
import { resume } from './resume.ts';
import { scale } from './scale.ts';
import { start } from './start.ts';
import { status } from './status.ts';
import { stop } from './stop.ts';
import { takeover } from './takeover.ts';
import { upgrade } from './upgrade.ts';

const DECLARED = [
  start,
  stop,
  reload,
  upgrade,
  status,
  scale,
  pause,
  resume,
  takeover,
  explain,
  reopenLogs,
] as const;

type Declared = (typeof DECLARED)[number];
type Named<N extends CommandName> = Extract<Declared, { readonly name: N }>;

export type CommandName = Declared['name'];
export type Args<N extends CommandName> = Output<Named<N>['args']>;
export type Result<N extends CommandName> = Output<Named<N>['result']>;

export const COMMANDS: readonly Declared[] = DECLARED;

export function commandNamed<N extends CommandName>(name: N): Named<N> {
  return COMMANDS.find(it => it.name === name) as Named<N>;
}
