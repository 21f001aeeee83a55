/**
 * `npm run generate`: writes the documents that have their source in the code. With `--check` it writes
 * nothing and exits 1 when a committed file is not what would be written.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from '../src/control/openapi.ts';
import { bashCompletion } from './generate/completions/bash.ts';
import { fishCompletion } from './generate/completions/fish.ts';
import { zshCompletion } from './generate/completions/zsh.ts';
import { errorsPage } from './generate/errors.ts';
import { globalJsonSchema, poolJsonSchema } from './generate/json-schema.ts';
import { commandPage, configurationManPage } from './generate/man/pages.ts';
import { promisesPage } from './generate/promises.ts';
import { configurationPage } from './generate/reference.ts';
import { PICTURES } from './generate/scaling/pictures.ts';

/** A file, seen from docs/, and what makes its text. */
const OUTPUTS: Readonly<Record<string, () => string>> = {
  'configuration.md': configurationPage,
  'fpm-ts.schema.json': () => json(globalJsonSchema()),
  'pool.schema.json': () => json(poolJsonSchema()),
  'errors.md': errorsPage,
  'reload-and-recovery-tests.md': promisesPage,
  'openapi.json': () => json(openApiDocument()),
  ...PICTURES,
  '../packaging/completions/fpm-ts.bash': () => bashCompletion(),
  '../packaging/completions/_fpm-ts': () => zshCompletion(),
  '../packaging/completions/fpm-ts.fish': () => fishCompletion(),
  '../packaging/man/fpm-ts.8': commandPage,
  '../packaging/man/fpm-ts.toml.5': configurationManPage,
};

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function committed(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

const isCheck = process.argv.includes('--check');
for (const [name, make] of Object.entries(OUTPUTS)) {
  const path = fileURLToPath(new URL(name, import.meta.url));
  const text = make();
  if (committed(path) === text) continue;
  if (isCheck) {
    console.error(`${join('docs', name)} is not what its source says: run npm run generate`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
    console.log(`${join('docs', name)} written`);
  }
}
