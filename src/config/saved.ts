/**
 * The effective configuration as a supervisor leaves it for the next one, checked when it is read back: a document that
 * another version or a hand has changed must not be believed.
 */
import * as z from 'zod';
import { savedShape } from './schema/derive.ts';
import { globalSettings } from './schema/global.ts';
import { settingsInEffect } from './schema/pool.ts';
import type { GlobalConfig, PoolConfig } from './types.ts';

/** One pool. */
export const SAVED_POOL = z.object({
  ...savedShape(settingsInEffect),
  name: z.string(),
  file: z.string(),
  secretEnv: z.array(z.string()),
  stopIsGraceful: z.boolean(),
}) as unknown as z.ZodType<PoolConfig>;

const { control, ...OF_ALL } = savedShape(globalSettings);

/** The settings of fpm-ts.toml; each pool is saved by itself. */
export const SAVED_GLOBALS = z.object({
  ...OF_ALL,
  file: z.string().nullable(),
  runDir: z.string(),
  pidFile: z.string(),
  control: (control as z.ZodObject).required(),
}) as unknown as z.ZodType<Omit<GlobalConfig, 'pools'>>;
