/** Files of a first configuration: written whole or not at all, and never over one that is there. */
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FpmError } from '../errors.ts';

export interface Written {
  readonly written: readonly string[];
  /** Left as they are. */
  readonly existing: readonly string[];
}

/** A file of the package: the same place seen from src/cli and from dist/cli. @throws {FpmError} FAILED */
export function packaged(path: string): string {
  const file = fileURLToPath(new URL(`../../packaging/${path}`, import.meta.url));
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { message } = error as NodeJS.ErrnoException;
    throw new FpmError('FAILED', `this installation is not complete, install it again: ${message}`, { file });
  }
}

/**
 * fpm-ts.toml as `file`, and beside it pools.d with a pool that runs and a sample of another. A configuration that is
 * there already gets no pools, and neither does a directory that has some.
 * @throws {FpmError} NOT_ALLOWED, FAILED
 */
export function writeConfiguration(
  file: string,
  values: { readonly responder: string; readonly runDir: string },
): Written {
  const pools = join(dirname(file), 'pools.d');
  if (!writeNew(file, packaged('starter/fpm-ts.toml'))) return { written: [], existing: [file] };
  const there = poolFiles(pools);
  if (there.length > 0) return { written: [file], existing: there };
  const hello = packaged('starter/hello.toml')
    .replace('"@RESPONDER@"', JSON.stringify(values.responder.replaceAll('$', '$$$$')))
    .replace('@RUN_DIR@', values.runDir);
  const texts = {
    [join(pools, 'hello.toml')]: hello,
    [join(pools, 'www.toml.sample')]: packaged('starter/www.toml.sample'),
  };
  const results = Object.entries(texts).map(([path, text]) => ({ path, isNew: writeNew(path, text) }));
  const paths = (isNew: boolean): string[] => results.filter(it => it.isNew === isNew).map(it => it.path);
  return { written: [file, ...paths(true)], existing: paths(false) };
}

/** @returns false when there is something of that name, whatever it is. @throws {FpmError} NOT_ALLOWED, FAILED */
export function writeNew(file: string, text: string): boolean {
  const unfinished = `${file}.${process.pid}.new`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(unfinished, text, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    throw unwritable(file, error as NodeJS.ErrnoException);
  }
  try {
    linkSync(unfinished, file); // unlike a rename, it does not replace
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw unwritable(file, error as NodeJS.ErrnoException);
  } finally {
    rmSync(unfinished);
  }
}

function unwritable(file: string, { code = '', message }: NodeJS.ErrnoException): FpmError {
  if (!['EACCES', 'EPERM', 'EROFS'].includes(code))
    return new FpmError('FAILED', `${file} could not be written: ${message}`, { file });
  return new FpmError(
    'NOT_ALLOWED',
    `${file} may not be written (${code}): run it as who may, or name another place with --directory`,
    { file },
  );
}

function poolFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter(name => name.endsWith('.toml'))
      .map(name => join(directory, name));
  } catch {
    return []; // there is none yet, or writing into it will say what is wrong
  }
}
