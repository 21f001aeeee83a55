/** The keys under `listen`. */
import { isIP } from 'node:net';
import * as z from 'zod';
import { ADDRESS_FORMS, parseAddress } from '../address.ts';
import { account, MODE_FORMS, mode } from './kinds.ts';
import { key } from './meta.ts';

const address = z.union([z.string().min(1), z.int().min(1).max(65_535)]).transform((value, ctx) => {
  const result = parseAddress(String(value));
  if (result.ok) return { ...result.address, text: String(value) };
  ctx.addIssue({ code: 'custom', message: result.reason, params: { remedy: result.remedy } });
  return z.NEVER;
});

const client = z.string().refine(isClient);

/** An IP address, or a network as address and prefix length. */
function isClient(text: string): boolean {
  const [host = '', prefix, ...rest] = text.split('/');
  const family = host.includes('%') ? 0 : isIP(host);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

export const listenKeys = {
  address: key(address, {
    description:
      'Where the web server connects to. A bare port and [::] take IPv4 and IPv6 on all addresses. May be written as plain `listen = "..."` where no other key of `listen` is set.',
    allowed: ADDRESS_FORMS,
    applies: 'listener',
    phpFpm: 'listen',
  }),
  pass: key(z.enum(['stdin', 'systemd']).prefault('stdin'), {
    description:
      'How the listener reaches the worker: as descriptor 0, as FastCGI programs expect it, or as descriptor 3 with LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, as socket-activated programs such as gunicorn do.',
    allowed: '"stdin" or "systemd"',
    applies: 'workers',
  }),
  backlog: key(z.int().min(1).max(65_535).prefault(511), {
    description: 'Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.',
    allowed: 'a whole number from 1 to 65535',
    applies: 'listener',
    phpFpm: 'listen.backlog',
    unit: 'connections',
  }),
  owner: key(account.optional(), {
    description: 'Owner of the socket file.',
    allowed: 'a user name or a uid',
    applies: 'listener',
    phpFpm: 'listen.owner',
    computedDefault: "the pool's user",
  }),
  group: key(account.optional(), {
    description: 'Group of the socket file.',
    allowed: 'a group name or a gid',
    applies: 'listener',
    phpFpm: 'listen.group',
    computedDefault: "the pool's group",
  }),
  mode: key(mode.prefault('0660'), {
    description: 'Permissions of the socket file; the web server needs to write.',
    allowed: MODE_FORMS,
    applies: 'listener',
    phpFpm: 'listen.mode',
  }),
  allowed_clients: key(z.array(client).prefault([]), {
    description:
      'Addresses and networks that may connect; none means any. TCP only. Enforced in the kernel, whatever the program.',
    allowed: 'a list of IP addresses and networks such as "10.0.0.0/8" or "::1"',
    applies: 'listener',
    phpFpm: 'listen.allowed_clients',
  }),
  nonblock: key(z.boolean().prefault(false), {
    description:
      'O_NONBLOCK on the listener. Some asynchronous programs want it; php-cgi, FCGI.pm and fcgiwrap exit at once when it is set.',
    allowed: 'true or false',
    applies: 'listener',
  }),
  swap: key(z.enum(['rename', 'keep']).prefault('rename'), {
    description:
      'Whether a reload may put a new socket file in the place of the old one. "keep" is for a socket file that is bind-mounted or labelled and must keep its inode.',
    allowed: '"rename" or "keep"',
    applies: 'live',
  }),
};
