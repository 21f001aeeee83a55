/**
 * Reloads that have not begun. A reload begins as soon as one of its pools is free. Of those that wait there is one for
 * each caller and set of pools, which the same again joins. It is dropped when everybody who asked for it has left.
 * Callers who may do all come before the users of pools. Upgrades and takeovers, which only they may ask for, have their
 * turn among them.
 */
import type { ReloadArgs, ReloadResult } from '../commands/reload.ts';
import type { Part } from '../errors.ts';
import type { Caller } from '../keeper/supervision/access.ts';
import { ClientLeft } from '../keeper/supervision/request-error.ts';

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

export function askedFor({ pools, changed, dry_run }: ReloadArgs): Asked {
  return {
    pools: pools === undefined ? undefined : [...new Set(pools)].sort(),
    changed: changed === true,
    dryRun: dry_run === true,
  };
}

/** Nothing that came later begins before it. `upgrade` begins when no reload is under way, `takeover` at once. */
interface Other {
  readonly type: 'upgrade' | 'takeover';
  readonly begin: () => void;
}

export interface WaitingReload {
  readonly type: 'reload';
  readonly asked: Asked;
  readonly key: string;
  readonly caller: Asker['caller'];
  readonly result: Promise<ReloadOutcome>;
  readonly begin: () => void;
  readonly drop: (reason: Error) => void;
  askers: number;
}

export class ReloadQueue {
  #waiting: (Other | WaitingReload)[] = [];

  /** @param run is called when it begins */
  join(asked: Asked, { caller, left }: Asker, run: () => Promise<ReloadOutcome>): Promise<ReloadOutcome> {
    const key = JSON.stringify([caller.uid, asked]);
    const found = this.#waiting.find(it => it.type === 'reload' && it.key === key) as
      | WaitingReload
      | undefined;
    const reload = found ?? this.#add(asked, key, caller, run);
    reload.askers++;
    left?.addEventListener('abort', () => this.#leave(reload), { once: true });
    if (left?.aborted === true) this.#leave(reload);
    return reload.result;
  }

  /** @param begin is called when its turn has come */
  add(type: Other['type'], begin: () => void): void {
    this.#waiting.push({ type, begin });
  }

  get hasUpgrade(): boolean {
    return this.#waiting.some(({ type }) => type === 'upgrade');
  }

  /**
   * Takes the next one that may begin.
   * @param isIdle nothing is under way
   */
  next(mayBegin: (reload: WaitingReload) => boolean, isIdle: boolean): (() => void) | null {
    for (const it of [...this.#waiting.filter(isFirst), ...this.#waiting.filter(it => !isFirst(it))]) {
      if (it.type === 'reload' ? mayBegin(it) : it.type === 'takeover' || isIdle) {
        this.#waiting = this.#waiting.filter(other => other !== it);
        return it.begin;
      }
      if (it.type === 'upgrade') return null; // nothing begins before it
    }
    return null;
  }

  /** Reloads that have not begun do not begin. */
  dropReloads(reasonFor: (asked: Asked) => Error): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ type }) => type !== 'reload');
    for (const it of waiting) if (it.type === 'reload') it.drop(reasonFor(it.asked));
  }

  #add(asked: Asked, key: string, caller: Asker['caller'], run: () => Promise<ReloadOutcome>): WaitingReload {
    let begin = (): void => {};
    let drop = (_reason: Error): void => {};
    const result = new Promise<ReloadOutcome>((resolve, reject) => {
      begin = () => void run().then(resolve, reject);
      drop = reject;
    });
    const reload: WaitingReload = { type: 'reload', asked, key, caller, result, begin, drop, askers: 0 };
    this.#waiting.push(reload);
    return reload;
  }

  #leave(reload: WaitingReload): void {
    reload.askers--;
    if (reload.askers > 0 || !this.#waiting.includes(reload)) return;
    this.#waiting = this.#waiting.filter(it => it !== reload);
    reload.drop(new ClientLeft());
  }
}

function isFirst(it: Other | WaitingReload): boolean {
  return it.type !== 'reload' || it.caller.mayDoAll;
}
