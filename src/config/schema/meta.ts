/** What each key of the configuration says about itself besides its type; read by messages, documents and the plan. */
import * as z from 'zod';

/** How a changed value takes effect: at once, by new workers, by a new listener, or only by a restart. */
export type Applies = 'live' | 'workers' | 'listener' | 'restart';

export interface KeyMeta {
  readonly description: string;
  /** What the key takes, in words that fit after "allowed: ". */
  readonly allowed: string;
  readonly applies: Applies;
  /** The directive of php-fpm with the same meaning. */
  readonly phpFpm?: string;
  readonly unit?: string;
  /** The default in words, where it depends on other keys or on who starts the supervisor. */
  readonly computedDefault?: string;
  /** A path, or a list of paths: relative ones resolve against the file that says them. */
  readonly isPath?: true;
}

/** A typed registry instead of zod's global one, so that nothing reads a key's meta unchecked. */
export const keyMeta = z.registry<KeyMeta>();

/** Attaches its meta to the schema of one key. */
export function key<T extends z.ZodType>(schema: T, meta: KeyMeta): T {
  keyMeta.add(schema, meta);
  return schema;
}

/**
 * Keys under one name. A group that is missing altogether reads as an empty one, so that a key which is
 * required in it is asked for by its own name.
 */
export function group<T extends z.ZodRawShape>(shape: T): z.ZodPrefault<z.ZodObject<T, z.core.$strict>> {
  const object = z.strictObject(shape);
  return object.prefault({} as Parameters<typeof object.prefault>[0]);
}
