/** What the keys of a pool mean for each other. Pure; what the system says to them is check/'s. */
import { GLOBAL_NOT_YET, type NotYet, POOL_NOT_YET } from './not-yet.ts';
import { conflict, type Finding, isPhpCgi, type Rule } from './rule.ts';
import { REQUEST_RULES } from './rules-requests.ts';
import { SCALING_RULES } from './rules-scaling.ts';
import type { GlobalKeys, PoolKeys } from './schema.ts';

const IDENTITY_RULES: readonly Rule<PoolKeys>[] = [
  {
    key: 'user',
    with: ['allow_root'],
    find: (keys, { uid }) => {
      if (uid !== 0 || keys.user !== undefined || keys.allow_root) return null;
      const message = 'must be set, because the supervisor runs as root';
      return {
        code: 'CONFIG_REQUIRED',
        message,
        remedy: 'add user = "www-data", or another user without privileges',
      };
    },
  },
  {
    key: 'user',
    with: ['allow_root'],
    find: (keys, { uid }) => {
      if (uid !== 0 || keys.allow_root || (keys.user !== 'root' && keys.user !== '0')) return null;
      return conflict('workers would run as root', 'choose another user, or add allow_root = true');
    },
  },
  {
    key: 'chdir',
    with: ['chroot'],
    find: keys =>
      keys.chroot !== undefined && !keys.chdir.startsWith('/')
        ? conflict(
            'with chroot, this is a path inside it and begins with a slash',
            `write: chdir = "/${keys.chdir}"`,
          )
        : null,
  },
  {
    key: 'command',
    with: ['chroot'],
    find: keys =>
      keys.chroot !== undefined && /^[^/]+\//.test(keys.command[0] ?? '')
        ? conflict(
            'with chroot, the program is a path inside it and begins with a slash',
            `write "/${keys.command[0]}"`,
          )
        : null,
  },
];

const LISTEN_RULES: readonly Rule<PoolKeys>[] = [
  {
    key: 'listen.allowed_clients',
    with: ['listen.address'],
    find: keys =>
      keys.listen.allowed_clients.length > 0 && ['unix', 'none'].includes(keys.listen.address.type)
        ? conflict(
            'only a TCP listener has clients with addresses',
            'remove it: listen.owner, listen.group and listen.mode say who may connect to a socket file',
          )
        : null,
  },
  ...(['owner', 'group', 'mode'] as const).map(
    (name): Rule<PoolKeys> => ({
      key: `listen.${name}`,
      with: ['listen.address'],
      find: keys =>
        keys.listen.address.type === 'unix' || keys.listen[name] === undefined || isDefaultMode(name, keys)
          ? null
          : {
              code: 'CONFIG_CONFLICT',
              severity: 'unused',
              message: 'has no effect: only a socket file of ours has owner, group and mode',
              remedy: 'leave it out',
            },
    }),
  ),
  {
    key: 'listen.nonblock',
    with: ['command'],
    find: keys =>
      keys.listen.nonblock && isPhpCgi(keys.command)
        ? conflict('php-cgi exits at once on a listener that does not block', 'leave it out')
        : null,
  },
];

/** The mode has a default, so that only another one shows that somebody wants something of it. */
function isDefaultMode(name: 'owner' | 'group' | 'mode', keys: PoolKeys): boolean {
  return name === 'mode' && keys.listen.mode === 0o660;
}

const STOP_RULES: readonly Rule<PoolKeys>[] = [
  {
    key: 'stop_is_graceful',
    with: ['stop_signal'],
    find: keys =>
      keys.stop_is_graceful === true && keys.stop_signal === 'SIGKILL'
        ? conflict('no program finishes a request on SIGKILL', 'choose another stop_signal')
        : null,
  },
  {
    key: 'start_timeout',
    find: keys =>
      keys.start_timeout === 0 ? conflict('no worker is ready in no time', 'leave it out for 30s') : null,
  },
];

export const POOL_RULES: readonly Rule<PoolKeys>[] = [
  ...IDENTITY_RULES,
  ...LISTEN_RULES,
  ...STOP_RULES,
  ...SCALING_RULES,
  ...REQUEST_RULES,
  ...POOL_NOT_YET.map(notYetRule),
];

export const GLOBAL_RULES: readonly Rule<GlobalKeys>[] = GLOBAL_NOT_YET.map(notYetRule);

function notYetRule<Keys>(entry: NotYet<Keys>): Rule<Keys> {
  const message = 'not yet: this version does not have it';
  const finding: Finding = { code: 'CONFIG_NOT_YET', message, remedy: entry.remedy };
  return { key: entry.key, find: keys => (entry.asks(keys) ? finding : null) };
}
