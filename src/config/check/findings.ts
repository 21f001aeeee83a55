/** Collects what the checks find, each thing at the place in the configuration that says it. */
import { type Problem, problem } from '../problems.ts';
import type { Sources } from '../sources.ts';

/** Something that was left out, and why. */
export interface Untested {
  /** `pool www: command`. */
  readonly what: string;
  readonly why: string;
}

export class Findings {
  readonly problems: Problem[] = [];
  readonly untested: Untested[] = [];
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Findings about a pool; null is fpm-ts.toml itself. */
  about(pool: string | null): Report {
    const add =
      (severity: Problem['severity']): Add =>
      (key, message, remedy, element) => {
        const place = this.#sources.place(pool, key, element);
        this.problems.push(problem('CONFIG_SYSTEM', place, message, { key, remedy }, severity));
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
    const { file, line } = this.#sources.place(pool, key);
    return line === null ? file : `${file}:${line}`;
  }
}

/** `element` is an item of a list or a name of a table, as in `Sources.place`. */
type Add = (key: string, message: string, remedy: string, element?: string | number) => void;

export interface Report {
  /** Keeps the configuration from being used. */
  readonly error: Add;
  /** Is said and changes nothing. */
  readonly notice: Add;
  readonly untested: (what: string, why: string) => void;
}
