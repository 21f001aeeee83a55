/** Collects what the checks find, each thing at the place in the configuration that says it. */
import { type Obstacles, obstaclesOf, type Problem, placeText, problem } from '../problems.ts';
import type { Sources } from '../sources.ts';

/** Something that was left out, and why. */
export interface Untested {
  /** `pool www: command`. */
  readonly what: string;
  readonly why: string;
}

export class Findings {
  /** What concerns fpm-ts as a whole, and all notices. */
  readonly problems: Problem[] = [];
  readonly #obstacles: [pool: string, errors: readonly Problem[]][] = [];
  readonly untested: Untested[] = [];
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Errors of one pool. */
  get obstacles(): Obstacles {
    return obstaclesOf(this.#obstacles);
  }

  /** Findings about a pool; null is fpm-ts.toml itself. An error of a pool is that pool's alone. */
  about(pool: string | null): Report {
    return this.#report(pool, pool);
  }

  /** Findings at a place in a pool's file that concern others as well. */
  aboutAll(pool: string): Report {
    return this.#report(pool, null);
  }

  #report(pool: string | null, concerned: string | null): Report {
    const add =
      (severity: Problem['severity']): Add =>
      (key, message, remedy, { element, forPoolUser } = {}) => {
        const place = this.#sources.place(pool, key, element);
        // What an env file says is mended there; which pool reads it is said as well.
        const via =
          key === 'env_files' && element !== undefined ? ` (env_files, ${this.placeText(pool, key)})` : '';
        const parts = { key, remedy, forPoolUser };
        const found = problem('CONFIG_SYSTEM', place, message + via, parts, severity);
        if (concerned === null || severity === 'notice') this.problems.push(found);
        else this.#obstacles.push([concerned, [found]]);
      };
    return {
      error: add('error'),
      notice: add('notice'),
      untested: (what, why) => {
        this.untested.push({ what: pool === null ? what : `pool ${pool}: ${what}`, why });
      },
    };
  }

  /** `file:line`, to name another place in a message. */
  placeText(pool: string | null, key: string): string {
    return placeText(this.#sources.place(pool, key));
  }
}

export interface More {
  /** An item of a list or a name of a table, as in `Sources.place`. */
  readonly element?: string | number | undefined;
  /** As in `Problem`. */
  readonly forPoolUser?: string | undefined;
}

type Add = (key: string, message: string, remedy: string, more?: More) => void;

export interface Report {
  /** Keeps the pool, or the whole configuration, from being used. */
  readonly error: Add;
  /** Is said and changes nothing. */
  readonly notice: Add;
  readonly untested: (what: string, why: string) => void;
}
