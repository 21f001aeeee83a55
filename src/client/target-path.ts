/**
 * From a request target to a path and a query, by nginx's rules (ngx_http_parse_complex_uri): percent signs
 * are decoded first, then "." and ".." are resolved and slashes merged, so that %2e%2e and %2f cannot hide
 * what they are. A target that leads above the root, or has NUL in it, is refused.
 */
export interface TargetPath {
  /** Absolute, decoded and normalised; bytes, because nothing says that they are UTF-8. */
  readonly path: Buffer;
  /** Behind the question mark, undecoded; empty where there is none. */
  readonly query: string;
}

const PERCENT = 0x25;
const SLASH = 0x2f;

/**
 * @param target origin form (`/a?b`) or absolute form (`http://host/a?b`), RFC 9112, section 3.2.
 * @returns null for a target that nginx answers with 400.
 */
export function parseTarget(target: string): TargetPath | null {
  // Node hands over Latin-1, one character a byte.
  const origin = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/s, '');
  const question = origin.indexOf('?');
  const rawPath = question < 0 ? origin : origin.slice(0, question);
  const query = question < 0 ? '' : origin.slice(question + 1);
  const isAbsoluteForm = origin.length < target.length && rawPath === '';
  const decoded = decodePercent(Buffer.from(isAbsoluteForm ? '/' : rawPath, 'latin1'));
  if (decoded === null || decoded.at(0) !== SLASH) return null;
  const path = resolveDots(decoded);
  return path === null ? null : { path, query };
}

function decodePercent(raw: Buffer): Buffer | null {
  const decoded = Buffer.alloc(raw.length);
  let length = 0;
  for (let at = 0; at < raw.length; at += 1) {
    let byte = raw.readUInt8(at);
    if (byte === PERCENT) {
      const digits = raw.toString('latin1', at + 1, at + 3);
      if (!/^[0-9a-f]{2}$/i.test(digits)) return null;
      byte = Number.parseInt(digits, 16);
      at += 2;
    }
    if (byte === 0) return null;
    length = decoded.writeUInt8(byte, length);
  }
  return decoded.subarray(0, length);
}

/** Latin-1 keeps every byte what it is while the path is split. */
function resolveDots(path: Buffer): Buffer | null {
  const kept: string[] = [];
  const segments = path.toString('latin1').split('/').slice(1);
  for (const segment of segments) {
    if (segment === '..' && kept.pop() === undefined) return null;
    if (segment !== '..' && segment !== '.' && segment !== '') kept.push(segment);
  }
  const last = segments.at(-1);
  const isDirectory = last === '' || last === '.' || last === '..';
  const text = `/${kept.join('/')}`;
  return Buffer.from(isDirectory && kept.length > 0 ? `${text}/` : text, 'latin1');
}
