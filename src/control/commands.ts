/**
 * The commands of the control socket, each once: server, client, the command line's help and `docs/openapi.json`
 * come from this table. What their arguments and results look like stands in schemas.ts, which costs more to load.
 */
export interface Command {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly help: string;
  /** It changes nothing. */
  readonly isReadOnly: boolean;
  /** Asked again, because the supervisor ended before it answered, it does no more than what it was asked for. */
  readonly mayBeRepeated: boolean;
  /** The user of a pool may use it for that pool (DESIGN section 3, control.group). */
  readonly isForPoolUsers: boolean;
}

export type CommandName =
  | 'status'
  | 'explain'
  | 'reload'
  | 'stop'
  | 'start'
  | 'scale'
  | 'reopen-logs'
  | 'takeover'
  | 'upgrade';

export const COMMANDS: Readonly<Record<CommandName, Command>> = {
  status: {
    method: 'GET',
    path: '/v1/status',
    help: 'What the supervisor and its pools are doing.',
    isReadOnly: true,
    mayBeRepeated: true,
    isForPoolUsers: true,
  },
  explain: {
    method: 'GET',
    path: '/v1/explain',
    help: 'What was decided about a pool lately, each time with the reasons.',
    isReadOnly: true,
    mayBeRepeated: true,
    isForPoolUsers: true,
  },
  reload: {
    method: 'POST',
    path: '/v1/reload',
    help: 'Reads the configuration again and replaces the workers; answers when that is done.',
    isReadOnly: false,
    mayBeRepeated: false,
    isForPoolUsers: true,
  },
  stop: {
    method: 'POST',
    path: '/v1/stop',
    help: 'Stops the named pools and answers when they are gone; without names stops everything, and answers at once.',
    isReadOnly: false,
    mayBeRepeated: true,
    isForPoolUsers: false,
  },
  start: {
    method: 'POST',
    path: '/v1/start',
    help: 'Starts stopped pools; answers when they are ready.',
    isReadOnly: false,
    mayBeRepeated: true,
    isForPoolUsers: false,
  },
  scale: {
    method: 'POST',
    path: '/v1/scale',
    help: 'Gives a pool another number of workers, until the next reload.',
    isReadOnly: false,
    mayBeRepeated: true,
    isForPoolUsers: false,
  },
  'reopen-logs': {
    method: 'POST',
    path: '/v1/reopen-logs',
    help: 'Opens the log files anew, after they were moved away.',
    isReadOnly: false,
    mayBeRepeated: true,
    isForPoolUsers: false,
  },
  takeover: {
    method: 'POST',
    path: '/v1/takeover',
    help: 'Lets a pool of the configuration take the address of another program that listens there; answers when that is done.',
    isReadOnly: false,
    isForPoolUsers: false,
    mayBeRepeated: false,
  },
  upgrade: {
    method: 'POST',
    path: '/v1/upgrade',
    help: 'Tries out the version that is installed now; answers when that version can take over, and is then replaced by it. The outcome is last_upgrade in the status.',
    isReadOnly: false,
    mayBeRepeated: false,
    isForPoolUsers: false,
  },
};
