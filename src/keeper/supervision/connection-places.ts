/**
 * Who may have how many connections to the control socket: everybody may connect, and nobody takes the places of those
 * who matter more. Each rank has places of its own; what the others leave is root's alone.
 */

/** root: and the user that fpm-ts runs as. member: of control.group. owner: a pool runs as it. */
export type Rank = 'root' | 'member' | 'owner' | 'stranger';

interface Limit {
  /** The share of all places. */
  readonly together: number;
  /** Of each uid; Infinity: as many as there are. */
  readonly each: number;
}

const LIMITS: Readonly<Record<Rank, Limit>> = {
  root: { together: 1, each: Number.POSITIVE_INFINITY },
  member: { together: 1 / 2, each: 100 },
  owner: { together: 1 / 4, each: 8 },
  stranger: { together: 1 / 16, each: 4 },
};

/** Why there is no place: the caller has all that one uid gets, or others have what there is. */
export type NoPlace = 'own' | 'all';

export class Places {
  readonly #total: number;
  #taken = 0;
  readonly #byRank = new Map<Rank, number>();
  /** By rank and uid; whoever has none is not in it. */
  readonly #byUid = new Map<string, number>();

  constructor(total: number) {
    this.#total = total;
  }

  /** @returns what gives the place back */
  take(uid: number, rank: Rank): (() => void) | NoPlace {
    const { together, each } = LIMITS[rank];
    const key = `${rank} ${uid}`;
    const own = this.#byUid.get(key) ?? 0;
    const all = this.#byRank.get(rank) ?? 0;
    if (own >= each) return 'own';
    if (this.#taken >= this.#total || all >= Math.max(1, Math.floor(together * this.#total))) return 'all';
    this.#count(key, rank, 1);
    return () => this.#count(key, rank, -1);
  }

  #count(key: string, rank: Rank, by: 1 | -1): void {
    this.#taken += by;
    this.#byRank.set(rank, (this.#byRank.get(rank) ?? 0) + by);
    const own = (this.#byUid.get(key) ?? 0) + by;
    if (own === 0) this.#byUid.delete(key);
    else this.#byUid.set(key, own);
  }
}
