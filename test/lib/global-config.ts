/** The effective settings of fpm-ts.toml, all at their defaults, for tests that need no files. */
import { resolveGlobal } from '../../src/config/resolve.ts';
import { globalSchema } from '../../src/config/schema.ts';
import type { GlobalConfig } from '../../src/config/types.ts';

export function globalConfig(file: string | null, runDir: string): Omit<GlobalConfig, 'pools'> {
  const { pools: _, ...globals } = resolveGlobal(file, globalSchema.parse({}), runDir, []);
  return globals;
}
