/** A root directory for workers. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Copies a program into the jail under another name, and the libraries that it loads under their own. */
export function jailed(jail: string, program: string, name: string): void {
  const put = (from: string, to: string): void => {
    mkdirSync(dirname(join(jail, to)), { recursive: true });
    copyFileSync(from, join(jail, to));
    chmodSync(join(jail, to), 0o755);
  };
  put(program, name);
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' });
  for (const [library] of lines.matchAll(/\/\S+/g)) put(library, library);
}
