/** How the last reload went, for the status and for the next supervisor. Several may be under way. */
import * as z from 'zod';
import { ERRORS, EXIT, type FpmError, type Part } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import { LAST_RELOAD } from '../keeper/notes.ts';
import type { Report } from '../observe/events.ts';
import type { LastReload } from '../observe/status.ts';

const NOTE = z.object({
  last: z.object({ at: z.string(), ok: z.boolean(), code: z.int(), message: z.string() }).nullable(),
  isUnderWay: z.boolean(),
  parts: z
    .array(z.object({ pool: z.string().nullable(), file: z.string().nullable(), text: z.string() }))
    .default([]),
});

/** A reload from its beginning to its end. */
export interface ReloadEntry {
  /** The pools that it changes; empty: not known yet, or none. */
  pools: readonly string[];
}

export class LastReloadRecord {
  readonly #keeper: Keeper;
  readonly #report: Report;
  #last: LastReload | null = null;
  #parts: readonly Part[] = [];
  readonly #underWay = new Set<ReloadEntry>();

  constructor(keeper: Keeper, report: Report) {
    this.#keeper = keeper;
    this.#report = report;
  }

  /** null: there was none. */
  get last(): LastReload | null {
    return this.#last;
  }

  /** Of its message: whose each is. */
  get parts(): readonly Part[] {
    return this.#parts;
  }

  open(): ReloadEntry {
    return { pools: [] };
  }

  /**
   * A reload is under way: should we die before its end, the next supervisor says so. Of one that leaves every pool as
   * it is, such as that after an adoption mostly is, there is nothing to be said.
   */
  begin(entry: ReloadEntry, pools: readonly string[]): void {
    if (pools.length === 0) return;
    entry.pools = pools;
    this.#underWay.add(entry);
    this.#save();
  }

  /** @param error why it failed; null: it did not */
  end(entry: ReloadEntry, error: FpmError | null): void {
    this.#underWay.delete(entry);
    this.#ended(error);
  }

  /** It has done nothing that is worth a word. */
  drop(entry: ReloadEntry): void {
    if (this.#underWay.delete(entry)) this.#save();
  }

  /** Everything that a failed reload should have done is done: it failed no more. */
  mend(): void {
    if (this.#last?.ok === false) this.#ended(null);
  }

  /** @param text what an earlier supervisor left. @throws {Error} when that is damaged */
  restore(text: string | undefined): void {
    if (text === undefined) return;
    const parsed = NOTE.safeParse(JSON.parse(text));
    if (!parsed.success)
      throw new Error(`the saved outcome of the last reload is damaged: ${z.prettifyError(parsed.error)}`);
    const { last, isUnderWay, parts } = parsed.data;
    this.#last = last;
    this.#parts = parts;
    if (!isUnderWay || last === null) return;
    this.#report({ type: 'reloadFailed', message: last.message });
    this.#save();
  }

  #ended(error: FpmError | null): void {
    if (error !== null) this.#report({ type: 'reloadFailed', message: error.message });
    this.#last = {
      at: new Date().toISOString(),
      ok: error === null,
      code: error === null ? EXIT.ok : ERRORS[error.code].exit,
      message: error?.message ?? '',
    };
    this.#parts = error?.parts ?? [];
    this.#save();
  }

  #save(): void {
    const pools = [...new Set([...this.#underWay].flatMap(entry => entry.pools))].sort();
    const note =
      pools.length === 0
        ? { last: this.#last, isUnderWay: false, parts: this.#parts }
        : { last: death(pools), isUnderWay: true, parts: deathParts(pools) };
    this.#keeper.post('note', { name: LAST_RELOAD, text: JSON.stringify(note) });
  }
}

/** What is to be said should we die now. */
function death(pools: readonly string[]): LastReload {
  const message = `the supervisor died while it reloaded ${pools.join(', ')}: each of them is as it was or as the files said then; \`fpm-ts reload\` brings all to what they say`;
  return { at: new Date().toISOString(), ok: false, code: EXIT.failed, message };
}

function deathParts(pools: readonly string[]): Part[] {
  return pools.map(pool => ({
    pool,
    file: null,
    text: `the supervisor died while it reloaded ${pool}, which is as it was or as the files said then: \`fpm-ts reload ${pool}\` reloads it`,
  }));
}
