/** What is packed: which version, for which processor, with which Node and which packages. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY: string = fileURLToPath(new URL('../..', import.meta.url));

export interface Release {
  readonly version: string;
  /** As Debian calls it. */
  readonly architecture: string;
  /** Times of files and documents, in seconds since 1970: the same sources give the same package. */
  readonly epoch: number;
  /** The Node that packs it is the one that will run it. */
  readonly node: string;
  /** Directories of packages, "node_modules/zod", with their licences as package.json names them. */
  readonly packages: readonly string[];
  readonly licences: ReadonlyMap<string, string>;
}

const ARCHITECTURES: Readonly<Partial<Record<NodeJS.Architecture, string>>> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'armhf',
  riscv64: 'riscv64',
  ppc64: 'ppc64el',
  loong64: 'loong64',
};

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly license?: string }>>;
}

/** @throws {Error} for a processor that there is no package for */
export function release(version: string | undefined): Release {
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined) throw new Error(`Debian's name of ${process.arch} is not known here`);
  const manifest = JSON.parse(read('package.json')) as { version: string };
  const { packages } = JSON.parse(read('package-lock.json')) as LockFile;
  // npm has installed, of the native builds, those for this processor only.
  const wanted = Object.entries(packages).filter(
    ([path, { dev }]) => path !== '' && dev !== true && existsSync(join(REPOSITORY, path)),
  );
  return {
    version: version ?? manifest.version,
    architecture,
    epoch: epoch(),
    node: process.execPath,
    packages: wanted.map(([path]) => path),
    licences: new Map(wanted.map(([path, { license }]) => [path, license ?? 'see its directory'])),
  };
}

function read(path: string): string {
  return readFileSync(join(REPOSITORY, path), 'utf8');
}

/** SOURCE_DATE_EPOCH, or when the sources were committed, or now. */
function epoch(): number {
  const said = process.env.SOURCE_DATE_EPOCH;
  if (said !== undefined && /^\d+$/.test(said)) return Number(said);
  const git = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: REPOSITORY, encoding: 'utf8' });
  return git.status === 0 && git.stdout.trim() !== '' ? Number(git.stdout) : Math.floor(Date.now() / 1000);
}
