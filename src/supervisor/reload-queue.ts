/**
 * Reloads that have not begun. A reload begins as soon as one of its pools is free. Of those that wait there is one for
 * each caller and set of pools, which the same again joins. It is dropped when everybody who asked for it has left.
 * Callers who may do all come before the users of pools.
 */
import type { Caller } from '../control/access.ts';
import { ClientLeft } from '../control/request-error.ts';
import type { Args, ReloadResult } from '../control/types.ts';
import type { Part } from '../errors.ts';

/** With whose each notice is. */
export type ReloadOutcome = Omit<ReloadResult, 'notices'> & { readonly notices: readonly Part[] };

/** Who asks. */
export interface Asker {
  readonly caller: Pick<Caller, 'uid' | 'mayDoAll'>;
  /** Aborted when nobody waits for the answer any more; null: it is to be done in any case. */
  readonly left: AbortSignal | null;
}

/** `reload a b a` and `reload b a` are one. */
export interface Asked {
  /** Sorted; undefined: all. */
  readonly pools: readonly string[] | undefined;
  readonly changed: boolean;
  readonly dryRun: boolean;
}

export function askedFor({ pools, changed, dry_run }: Args<'reload'>): Asked {
  return {
    pools: pools === undefined ? undefined : [...new Set(pools)].sort(),
    changed: changed === true,
    dryRun: dry_run === true,
  };
}

/** Work that runs when no reload is under way, and before any that came later. */
interface Alone {
  readonly type: 'alone';
  readonly isFirst: true;
  readonly begin: () => void;
}

interface WaitingReload {
  readonly type: 'reload';
  readonly asked: Asked;
  readonly key: string;
  /** It passes before those that are not. */
  readonly isFirst: boolean;
  readonly result: Promise<ReloadOutcome>;
  readonly begin: () => void;
  readonly drop: () => void;
  askers: number;
}

export class ReloadQueue {
  #waiting: (Alone | WaitingReload)[] = [];

  /** @param run is called when it begins */
  join(asked: Asked, { caller, left }: Asker, run: () => Promise<ReloadOutcome>): Promise<ReloadOutcome> {
    const key = JSON.stringify([caller.uid, asked]);
    const found = this.#waiting.find(it => it.type === 'reload' && it.key === key) as
      | WaitingReload
      | undefined;
    const reload = found ?? this.#add(asked, key, caller.mayDoAll, run);
    reload.askers++;
    left?.addEventListener('abort', () => this.#leave(reload), { once: true });
    if (left?.aborted === true) this.#leave(reload);
    return reload.result;
  }

  /** @param begin is called when its turn has come */
  alone(begin: () => void): void {
    this.#waiting.push({ type: 'alone', isFirst: true, begin });
  }

  /**
   * Takes the next one that may begin.
   * @param isIdle nothing is under way
   */
  next(mayBegin: (asked: Asked) => boolean, isIdle: boolean): (() => void) | null {
    const inOrder = [...this.#waiting.filter(it => it.isFirst), ...this.#waiting.filter(it => !it.isFirst)];
    for (const it of inOrder) {
      if (it.type === 'alone' ? isIdle : mayBegin(it.asked)) {
        this.#waiting = this.#waiting.filter(other => other !== it);
        return it.begin;
      }
      if (it.type === 'alone') return null; // nothing begins before it
    }
    return null;
  }

  #add(asked: Asked, key: string, isFirst: boolean, run: () => Promise<ReloadOutcome>): WaitingReload {
    let begin = (): void => {};
    let drop = (): void => {};
    const result = new Promise<ReloadOutcome>((resolve, reject) => {
      begin = () => void run().then(resolve, reject);
      drop = () => reject(new ClientLeft());
    });
    const reload: WaitingReload = { type: 'reload', asked, key, isFirst, result, begin, drop, askers: 0 };
    this.#waiting.push(reload);
    return reload;
  }

  #leave(reload: WaitingReload): void {
    reload.askers--;
    if (reload.askers > 0 || !this.#waiting.includes(reload)) return;
    this.#waiting = this.#waiting.filter(it => it !== reload);
    reload.drop();
  }
}
