/** How the last reload went, for the status and for the next supervisor. */
import * as z from 'zod';
import { ERRORS, EXIT, type FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import { LAST_RELOAD } from '../keeper/notes.ts';
import type { Report } from '../observe/events.ts';
import type { LastReload } from '../observe/status.ts';

const NOTE = z.object({
  last: z.object({ at: z.string(), ok: z.boolean(), code: z.int(), message: z.string() }).nullable(),
  isUnderWay: z.boolean(),
});

export class LastReloadRecord {
  readonly #keeper: Keeper;
  readonly #report: Report;
  #last: LastReload | null = null;

  constructor(keeper: Keeper, report: Report) {
    this.#keeper = keeper;
    this.#report = report;
  }

  /** null: there was none. */
  get last(): LastReload | null {
    return this.#last;
  }

  /**
   * A reload is under way: should we die before its end, the next supervisor says so. Of one that leaves every pool as
   * it is, such as that after an adoption mostly is, there is nothing to be said.
   */
  begin(pools: readonly string[]): void {
    if (pools.length === 0) return;
    const message = `the supervisor died while it reloaded ${pools.join(', ')}: each of them is as it was or as the files said then; \`fpm-ts reload\` brings all to what they say`;
    this.#save({ at: new Date().toISOString(), ok: false, code: EXIT.failed, message }, true);
  }

  /** @param error why it failed; null: it did not */
  end(error: FpmError | null): void {
    if (error !== null) this.#report({ type: 'reloadFailed', message: error.message });
    this.#last = {
      at: new Date().toISOString(),
      ok: error === null,
      code: error === null ? EXIT.ok : ERRORS[error.code].exit,
      message: error?.message ?? '',
    };
    this.#save(this.#last, false);
  }

  /** Everything that a failed reload should have done is done: it failed no more. */
  mend(): void {
    if (this.#last?.ok === false) this.end(null);
  }

  /** @param text what an earlier supervisor left. @throws {Error} when that is damaged */
  restore(text: string | undefined): void {
    if (text === undefined) return;
    const parsed = NOTE.safeParse(JSON.parse(text));
    if (!parsed.success)
      throw new Error(`the saved outcome of the last reload is damaged: ${z.prettifyError(parsed.error)}`);
    const { last, isUnderWay } = parsed.data;
    this.#last = last;
    if (!isUnderWay || last === null) return;
    this.#report({ type: 'reloadFailed', message: last.message });
    this.#save(last, false);
  }

  #save(last: LastReload | null, isUnderWay: boolean): void {
    this.#keeper.post('note', { name: LAST_RELOAD, text: JSON.stringify({ last, isUnderWay }) });
  }
}
