/** Which script a request means, by the variables that web servers send, and those variables as the script gets them. */
import { endsWith, startsWith } from './bytes.ts';

export type Variables = ReadonlyMap<string, Buffer>;

export interface AskedScript {
  /** Where the script is looked for; what follows the script in it is PATH_INFO. */
  readonly path: Buffer;
  /** The same as the client sees it: SCRIPT_NAME, with what follows the script. */
  readonly name: Buffer;
  /** A PATH_INFO of the web server's own; empty where it has none. */
  readonly pathInfo: Buffer;
  readonly documentRoot: Buffer;
}

const NOTHING: Buffer = Buffer.alloc(0);
const SLASH: Buffer = Buffer.from('/');
/** Apache's mod_proxy_fcgi puts this before the path, and the query behind it (ProxyFCGIBackendType FPM, its default). */
const APACHE_PREFIX = /^proxy:(?:unix:[^|]*\|)?(?:fcgi|balancer):\/\/[^/]*/;

/** @returns null when the web server has named no script */
export function askedScript(variables: Variables): AskedScript | null {
  const value = (name: string): Buffer => variables.get(name) ?? NOTHING;
  const documentRoot = value('DOCUMENT_ROOT');
  // nginx's scgi_params have no SCRIPT_NAME.
  const scriptName = firstOf(value('SCRIPT_NAME'), value('DOCUMENT_URI'));
  const filename = withoutApachePrefix(value('SCRIPT_FILENAME'));
  const pathInfo = value('PATH_INFO');
  if (filename.length > 0) {
    const name = firstOf(scriptName, belowDocumentRoot(filename, documentRoot));
    return { path: filename, name, pathInfo, documentRoot };
  }
  if (documentRoot.length === 0 || scriptName.length === 0) return null;
  return { path: joined(documentRoot, scriptName), name: scriptName, pathInfo, documentRoot };
}

/**
 * The path named a directory, and the script is named by PATH_INFO: so lighttpd sends it, where a whole directory is
 * given to FastCGI or SCGI without a look at its files. Null where there is no PATH_INFO to look at.
 */
export function furtherInPathInfo({ path, name, pathInfo, documentRoot }: AskedScript): AskedScript | null {
  if (pathInfo.length === 0) return null;
  return { path: joined(path, pathInfo), name: joined(name, pathInfo), pathInfo: NOTHING, documentRoot };
}

/**
 * RFC 3875, sections 4.1.5, 4.1.6 and 4.1.13. What was found on the disk goes before the web server's PATH_INFO, and
 * its PATH_TRANSLATED stands only for its own.
 * @param rest what follows the script in the path
 */
export function scriptVariables(sent: Variables, asked: AskedScript, rest: Buffer): Map<string, Buffer> {
  const { path, name, documentRoot } = asked;
  const variables = new Map([
    ['SCRIPT_FILENAME', path.subarray(0, path.length - rest.length)],
    ['SCRIPT_NAME', endsWith(name, rest) ? name.subarray(0, name.length - rest.length) : name],
  ]);
  // lighttpd's "broken-scriptfilename" puts a slash behind the script that the client has not sent.
  const isInvented = rest.equals(SLASH) && name.length > 0 && !endsWith(name, SLASH);
  const pathInfo = isInvented ? asked.pathInfo : firstOf(rest, asked.pathInfo);
  const isSent = pathInfo.length > 0 && sent.get('PATH_INFO')?.equals(pathInfo) === true;
  if (isSent && sent.has('PATH_TRANSLATED')) return variables;
  const translated =
    pathInfo.length > 0 && documentRoot.length > 0 ? joined(documentRoot, pathInfo) : NOTHING;
  for (const [key, value] of [['PATH_INFO', pathInfo] as const, ['PATH_TRANSLATED', translated] as const])
    if (value.length > 0 || sent.has(key)) variables.set(key, value);
  return variables;
}

function firstOf(one: Buffer, other: Buffer): Buffer {
  return one.length > 0 ? one : other;
}

function withoutApachePrefix(filename: Buffer): Buffer {
  if (filename[0] !== 0x70) return filename; // p
  const text = filename.toString('latin1');
  const [prefix] = APACHE_PREFIX.exec(text) ?? [];
  if (prefix === undefined) return filename;
  const query = text.indexOf('?');
  return filename.subarray(prefix.length, query < 0 ? filename.length : query);
}

function belowDocumentRoot(filename: Buffer, documentRoot: Buffer): Buffer {
  const root = withoutSlashes(documentRoot);
  const isBelow = root.length > 0 && startsWith(filename, root) && filename[root.length] === SLASH[0];
  return isBelow ? filename.subarray(root.length) : NOTHING;
}

/** With exactly one slash between them. */
function joined(directory: Buffer, path: Buffer): Buffer {
  const start = withoutSlashes(directory);
  return path[0] === SLASH[0] ? Buffer.concat([start, path]) : Buffer.concat([start, SLASH, path]);
}

function withoutSlashes(directory: Buffer): Buffer {
  let end = directory.length;
  while (end > 0 && directory[end - 1] === SLASH[0]) end--;
  return directory.subarray(0, end);
}
