/**
 * The text of `listen.address` and what it means. A bare port and `[::]` take both families, as php-fpm's do
 * on Linux; host names are refused, because what they resolve to may change between two starts.
 */
import { isIPv4, isIPv6 } from 'node:net';

export type ListenAddress =
  | { readonly type: 'unix'; readonly path: string }
  | {
      readonly type: 'tcp';
      /** An IP address without brackets. */
      readonly host: string;
      readonly port: number;
      readonly family: 4 | 6;
      /** The IPv6 socket takes IPv4 too (IPV6_V6ONLY off). */
      readonly dualStack: boolean;
    }
  | { readonly type: 'systemd'; readonly name: string }
  | { readonly type: 'none' };

export type AddressResult =
  | { readonly ok: true; readonly address: ListenAddress }
  | { readonly ok: false; readonly reason: string; readonly remedy: string };

/** What `listen.address` takes, for messages. */
export const ADDRESS_FORMS: string = 'a path, "ip:port", "[v6]:port", a port, "systemd:NAME" or "none"';

const PORT_MAX = 65_535;

/** Reads an address whose path, if it is one, may still be relative. */
export function parseAddress(text: string): AddressResult {
  if (text === 'none') return found({ type: 'none' });
  if (text.startsWith('systemd:')) return systemd(text.slice('systemd:'.length));
  if (text.startsWith('unix:'))
    return refused('no prefix is needed', `write "${text.slice('unix:'.length)}"`);
  if (text.startsWith('@')) return refused('abstract sockets have no owner and no mode', 'use a path');
  if (isSocketPath(text)) return found({ type: 'unix', path: text });
  if (/^\d+$/.test(text)) return tcp('::', text, 6, true);
  const bracketed = /^\[([^\]]*)\]:(\d+)$/.exec(text);
  if (bracketed) return ipv6(bracketed[1] ?? '', bracketed[2] ?? '');
  const colon = text.lastIndexOf(':');
  if (colon < 0) return refused('neither a path nor a port', `a path has a slash: "./${text}"`);
  return ipv4(text.slice(0, colon), text.slice(colon + 1));
}

/** Whether the text is a path: it has a slash, or it is a file name such as `www.sock`. */
export function isSocketPath(text: string): boolean {
  if (/^(systemd|unix):/.test(text) || text.startsWith('@')) return false;
  return text.includes('/') || /^[^:]+\.(sock|socket)$/.test(text);
}

function ipv4(host: string, port: string): AddressResult {
  if (host === '*' || host === '') return refused('this is not an IP address', `all addresses: "${port}"`);
  if (isIPv6(host)) return refused('an IPv6 address stands in brackets', `write "[${host}]:${port}"`);
  if (/^[\d.]+$/.test(host) && !isIPv4(host))
    return refused('this is not an IPv4 address', 'four numbers from 0 to 255: "127.0.0.1:9000"');
  if (!isIPv4(host)) return refused('host names are not resolved', `write an address: "127.0.0.1:${port}"`);
  return tcp(host, port, 4, false);
}

function ipv6(host: string, port: string): AddressResult {
  if (isIPv6(host) && host.includes('%'))
    return refused(
      'an address with a scope (%) is not supported',
      'leave the scope out, or listen on "[::]"',
    );
  if (!isIPv6(host)) return refused('not an IPv6 address', 'for example "[::1]:9000"');
  return tcp(host, port, 6, isUnspecified(host));
}

function isUnspecified(host: string): boolean {
  return /^[0:]+$/.test(host);
}

function tcp(host: string, portText: string, family: 4 | 6, dualStack: boolean): AddressResult {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > PORT_MAX)
    return refused(`the port is not in 1 to ${PORT_MAX}`, 'choose another port');
  return found({ type: 'tcp', host, port, family, dualStack });
}

function systemd(name: string): AddressResult {
  // sd_listen_fds_with_names(3): a name is what FileDescriptorName= allows; a colon separates names.
  if (/^[\x21-\x39\x3b-\x7e]{1,255}$/.test(name)) return found({ type: 'systemd', name });
  return refused('the name of a systemd socket is 1 to 255 printable characters', 'see FileDescriptorName=');
}

function found(address: ListenAddress): AddressResult {
  return { ok: true, address };
}

function refused(reason: string, remedy: string): AddressResult {
  return { ok: false, reason, remedy };
}
