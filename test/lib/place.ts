/** A temporary directory and what must be undone: what whoever starts something needs of a suite or a benchmark. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Not os.tmpdir(): pam_tmpdir points that into a directory which no other user can enter. */
export const TEMPORARY = '/tmp';

export interface Place {
  /** Its own, and every user may enter it. */
  readonly dir: string;
  /** Undoes something at the end; last in, first out. */
  defer(undo: () => void | Promise<void>): void;
}

export interface OpenPlace extends Place {
  /**
   * Undoes everything, whatever fails on the way, and then throws what failed. The directory goes, unless it is to
   * be kept or something failed. Harmless twice.
   * @returns whether the directory is still there
   */
  close(keep?: boolean): Promise<boolean>;
}

/** A place under /tmp whose name begins with `prefix`. */
export function openPlace(prefix: string): OpenPlace {
  return placeIn(mkdtempSync(join(TEMPORARY, prefix)));
}

/** A place in the directory of another one, which closes it if nobody does before. */
export function openInner(outer: Place, name: string): OpenPlace {
  const dir = join(outer.dir, name);
  mkdirSync(dir);
  const inner = placeIn(dir);
  outer.defer(async () => void (await inner.close()));
  return inner;
}

function placeIn(dir: string): OpenPlace {
  const undo: (() => void | Promise<void>)[] = [];
  chmodSync(dir, 0o755);
  return {
    dir,
    defer: step => void undo.push(step),
    async close(keep = false) {
      const errors: unknown[] = [];
      for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
        try {
          await step();
        } catch (error) {
          errors.push(error);
        }
      }
      const [first, ...more] = errors;
      if (more.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
      if (first !== undefined) throw first;
      if (!keep) rmSync(dir, { recursive: true, force: true });
      return keep;
    },
  };
}
