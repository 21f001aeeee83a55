/** Reading the files of a configuration: each once, all remembered, and what goes wrong as a problem. */
import { rightsOfExchangers } from '../os/exchange.ts';
import { type Problem, type ProblemPlace, placeText, problem } from './problems.ts';
import { NoFileError, type ReadOptions, readRegularFile } from './read-file.ts';
import { PLAIN_KEYS } from './schema.ts';
import { readToml, type TomlDocument } from './toml/document.ts';

export type ReadResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

/** In [defaults], too. */
const PLAIN = Object.fromEntries(
  [...PLAIN_KEYS].flatMap(([group, key]) => [
    [group, key],
    [`defaults.${group}`, key],
  ]),
);

export class ConfigFiles {
  readonly #read = new Set<string>();
  readonly #documents = new Map<string, TomlDocument>();

  /** All that were read so far. */
  get read(): string[] {
    return [...this.#read];
  }

  /** Of these, those that hold settings. */
  get documents(): string[] {
    return [...this.#documents.keys()];
  }

  /** A TOML file; `from` is where it was asked for, null for the main file. */
  document(file: string, from: { place: ProblemPlace; key: string } | null): ReadResult<TomlDocument> {
    const known = this.#documents.get(file);
    if (known) return { ok: true, value: known };
    const text = this.text(file, from, { rights: rightsOfExchangers(file) });
    if (!text.ok) return text;
    const document = readToml(file, text.value, PLAIN);
    this.#documents.set(file, document);
    return { ok: true, value: document };
  }

  /** A file as text, without a byte order mark. */
  text(
    file: string,
    from: { place: ProblemPlace; key: string } | null,
    options: ReadOptions,
  ): ReadResult<string> {
    const place = from?.place ?? { file };
    const parts = { key: from?.key ?? null };
    let bytes: Buffer;
    try {
      bytes = readRegularFile(file, options);
    } catch (error) {
      if (!(error instanceof NoFileError)) throw error;
      const { message, remedy } = error;
      return {
        ok: false,
        problem: problem('CONFIG_MISSING', place, `${file} ${message}`, { ...parts, remedy }),
      };
    }
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      this.#read.add(file);
      return { ok: true, value: text };
    } catch {
      const remedy = 'save it as UTF-8';
      const via = from === null ? '' : ` (${from.key}, ${placeText(from.place)})`;
      return {
        ok: false,
        problem: problem('CONFIG_SYNTAX', { file, line: 1, column: 1 }, `the file is not UTF-8${via}`, {
          ...parts,
          remedy,
        }),
      };
    }
  }
}
