/**
 * The directories that scripts may stand in. They are opened once; a path is then followed from there without any link.
 * Where a link is in the way, the kernel is asked where the file really is, and from the root that this is below the
 * path without links is followed once more: whatever is exchanged meanwhile, what comes out stands below a root.
 */
import { closeSync, fstatSync, type Stats } from 'node:fs';
import { constants } from 'node:os';
import { FpmError } from '../../../errors.ts';
import { SystemError } from '../../../os/libc.ts';
import { openDirectory, pathOf, WORKING_DIRECTORY } from '../../../os/openat2.ts';
import type { Refusal } from '../located.ts';
import { shown, startsWith } from './bytes.ts';
import { type Found, LOOSE, release, STRICT, walk } from './walk.ts';

/** What stands below a root; whoever takes it closes both descriptors. */
export interface Place {
  readonly file: number;
  readonly stat: Stats;
  /** The one that it stands in. */
  readonly directory: number;
  /** Where it really is. */
  readonly path: Buffer;
  /** What follows it in the path that was looked for. */
  readonly rest: Buffer;
}

interface Root {
  readonly descriptor: number;
  /** As it was said, and as it really was when it was opened, each with a slash at its end. */
  readonly said: Buffer;
  readonly real: Buffer;
}

/** How often what a link led to may have become something else when it is opened: then it is done on purpose. */
const TRIES = 20;
const SLASH = 0x2f;
const { EACCES, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM, EXDEV } = constants.errno;
/** Nothing is wrong with the path: this process or the system has no descriptor left for it. */
const NO_ROOM: ReadonlySet<number> = new Set([EMFILE, ENFILE, ENOMEM]);

export class Roots {
  readonly #roots: readonly Root[];
  readonly #top: Root;

  /** @throws {FpmError} USAGE for a directory that cannot be opened */
  constructor(directories: readonly string[]) {
    this.#top = openRoot('/');
    this.#roots = directories.map(openRoot);
  }

  close(): void {
    for (const { descriptor } of [this.#top, ...this.#roots]) closeSync(descriptor);
  }

  find(path: Buffer): Place | Refusal {
    const root = this.#roots.find(it => startsWith(path, it.said) || startsWith(path, it.real));
    if (root === undefined) return this.#findByLinks(path, this.#top, 0);
    const at = startsWith(path, root.said) ? root.said.length : root.real.length;
    const found = walk(root.descriptor, path, at, STRICT);
    if ('file' in found) return placed(root, found);
    release(found);
    if (found.errno !== ELOOP && found.errno !== EXDEV) return refusal(path, found.errno);
    return this.#findByLinks(path, root, at);
  }

  /** By links, by `..`, or by a path that does not begin as a root does. */
  #findByLinks(path: Buffer, start: Root, at: number): Place | Refusal {
    for (let tries = 0; tries < TRIES; tries++) {
      const linked = walk(start.descriptor, path, at, LOOSE);
      if (!('file' in linked) && NO_ROOM.has(linked.errno)) return refusal(path, linked.errno);
      const reached = pathOf('file' in linked ? linked.file : linked.directory);
      release(linked);
      const root = this.#roots.find(it => isWithin(reached, it));
      // Also where nothing was found: it is nobody's business whether there is something elsewhere.
      if (root === undefined) return outside(path, 'file' in linked ? reached : path);
      if (!('file' in linked)) return refusal(path, linked.errno);
      const found = walk(root.descriptor, reached, root.real.length, STRICT);
      if ('file' in found && found.rest.length === 0) return placed(root, { ...found, rest: linked.rest });
      release(found); // a link was changed between the two walks
    }
    const reason = `${shown(path)} leads elsewhere each time that it is looked at: somebody exchanges links on the way`;
    return { status: 403, reason };
  }
}

/** @throws {FpmError} USAGE */
function openRoot(directory: string): Root {
  const descriptor = openDirectory(WORKING_DIRECTORY, Buffer.from(directory), 0);
  if (descriptor < 0) {
    const { message } = new SystemError('open', -descriptor, directory);
    throw new FpmError('USAGE', `cgi: --root cannot be used: ${message}`);
  }
  return { descriptor, said: withSlash(Buffer.from(directory)), real: withSlash(pathOf(descriptor)) };
}

function withSlash(path: Buffer): Buffer {
  return path.at(-1) === SLASH ? path : Buffer.concat([path, Buffer.of(SLASH)]);
}

/** A root is within itself. */
function isWithin(path: Buffer, root: Root): boolean {
  return startsWith(withSlash(path), root.real);
}

function placed({ real }: Root, { file, directory, names, rest }: Found): Place {
  const [first = Buffer.alloc(0), ...more] = names;
  const path = Buffer.concat([real, first, ...more.flatMap(name => [Buffer.of(SLASH), name])]);
  return { file, directory, stat: fstatSync(file), path, rest };
}

function outside(path: Buffer, reached: Buffer): Refusal {
  const where = reached.equals(path) ? '' : `, by its links ${shown(reached)}`;
  return { status: 403, reason: `${shown(path)}${where} is below none of the directories that --root names` };
}

function refusal(path: Buffer, errno: number): Refusal {
  const refused = (status: number, why: string): Refusal => ({ status, reason: `${shown(path)} ${why}` });
  switch (errno) {
    case ENOENT:
      return refused(404, 'does not exist');
    case ENAMETOOLONG:
      return refused(404, 'has a name that is longer than one may be');
    case EACCES:
      return refused(403, `stands in a directory that uid ${process.geteuid?.()} may not enter`);
    case ELOOP:
      return refused(403, 'has links that go in a circle, or through /proc');
    default:
      return refused(
        NO_ROOM.has(errno) ? 503 : 500,
        `cannot be opened: ${new SystemError('openat2', errno).message}`,
      );
  }
}
