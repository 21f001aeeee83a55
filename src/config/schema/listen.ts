/** The settings under `listen`. */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import * as z from 'zod';
import { ADDRESS_FORMS, isSocketPath, type ListenAddress, parseAddress } from '../address.ts';
import { count, type Kind, mode, oneOf, plain, truth, user, userGroup } from './kinds.ts';
import { setting } from './setting.ts';

/** With the text as it was written, expanded, and absolute when it is a path. */
export type WrittenAddress = ListenAddress & { readonly text: string };

const text = z.string();

const address: Kind<WrittenAddress> = {
  schema: z.union([z.string().min(1), z.int().min(1).max(65_535)]).transform((value, ctx) => {
    const result = parseAddress(String(value));
    if (result.ok) return { ...result.address, text: String(value) };
    ctx.addIssue({ code: 'custom', message: result.reason, params: { remedy: result.remedy } });
    return z.NEVER;
  }),
  allowed: ADDRESS_FORMS,
  unit: '',
  saved: z.discriminatedUnion('type', [
    z.object({ type: z.literal('unix'), path: z.string(), text }),
    z.object({
      type: z.literal('tcp'),
      host: z.string(),
      port: z.int(),
      family: z.literal([4, 6]),
      dualStack: z.boolean(),
      text,
    }),
    z.object({ type: z.literal('systemd'), name: z.string(), text }),
    z.object({ type: z.literal('none'), text }),
  ]),
  print: value => value.text,
  absolute: (said, here) => (typeof said === 'string' && isSocketPath(said) ? resolve(here, said) : said),
};

const clients = plain(
  z.array(z.string().refine(isClient)),
  'a list of IP addresses and networks such as "10.0.0.0/8" or "::1"',
);

/** An IP address, or a network as address and prefix length. */
function isClient(text: string): boolean {
  const [host = '', prefix, ...rest] = text.split('/');
  const family = host.includes('%') ? 0 : isIP(host);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

export const listenSettings = {
  address: setting(address, {
    isPlain: true,
    example: '"/run/fpm-ts/$pool.sock"',
    standIn: 'none',
    description:
      'The address that the web server connects to. A port alone, and [::], accept IPv4 and IPv6 on all addresses. If no other key of `listen` is set, it may be written as `listen = "..."`.',
    applies: 'listener',
    phpFpm: 'listen',
  }),
  pass: setting(oneOf('stdin', 'systemd'), {
    default: 'stdin',
    description:
      'How a worker receives the listening socket. "stdin" is descriptor 0, for FastCGI programs. "systemd" is descriptor 3 with LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, for socket-activated programs such as gunicorn.',
    applies: 'workers',
  }),
  backlog: setting(count(1, 65_535), {
    default: 511,
    description:
      'Maximum number of connections that wait to be accepted. The kernel limits it to net.core.somaxconn.',
    applies: 'listener',
    phpFpm: 'listen.backlog',
    unit: 'connections',
  }),
  owner: setting(user, {
    description: 'Owner of the socket file.',
    applies: 'listener',
    phpFpm: 'listen.owner',
    computedDefault: "the pool's user",
  }),
  group: setting(userGroup, {
    description: 'Group of the socket file.',
    applies: 'listener',
    phpFpm: 'listen.group',
    computedDefault: "the pool's group",
  }),
  mode: setting(mode, {
    default: '0660',
    description: 'Permissions of the socket file. The web server needs write permission.',
    applies: 'listener',
    phpFpm: 'listen.mode',
  }),
  allowed_clients: setting(clients, {
    default: [],
    description:
      'Addresses and networks that may connect; an empty list permits all. TCP only. The kernel enforces it, independent of the program.',
    applies: 'listener',
    phpFpm: 'listen.allowed_clients',
  }),
  nonblock: setting(truth, {
    default: false,
    description:
      'Sets O_NONBLOCK on the listening socket. Some asynchronous programs need it. php-cgi, FCGI.pm and fcgiwrap exit at once if it is set.',
    applies: 'listener',
  }),
  swap: setting(oneOf('rename', 'keep'), {
    default: 'rename',
    description:
      'Whether a reload replaces the socket file ("rename") or keeps it ("keep"). Use "keep" for a socket file that is bind-mounted or labelled and must keep its inode.',
    applies: 'live',
  }),
};
