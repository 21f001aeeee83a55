/** As long as no supervisor stays alive: what is said of it, and who answers in its place. */
import { messageOf, type Part } from '../../errors.ts';
import { nowMs } from '../../os/clock.ts';
import { VERSION } from '../../version.ts';
import type { Upgrade } from '../handover/upgrade.ts';
import type { Holdings } from '../holdings.ts';
import { LAST_RELOAD, LAST_UPGRADE } from '../notes.ts';
import { PROTOCOL } from '../protocol.ts';
import type { CommandRule } from './command-rule.ts';
import type { OwnStop } from './own-stop.ts';
import { StandIn, type StandInAnswer } from './stand-in.ts';
import { standInStatus } from './stand-in-status.ts';
import { type StandInView, standInView } from './stand-in-view.ts';
import type { SupervisorProcess } from './supervisor-process.ts';

export interface VacancyPorts {
  /** The commands of the control socket. */
  readonly commands: readonly CommandRule[];
  readonly supervisor: SupervisorProcess;
  readonly ownStop: OwnStop;
  readonly upgrade: Upgrade;
  readonly holdings: Holdings;
  /** null: it was never told. */
  readonly controlSocket: () => string | null;
  readonly problem: (text: string) => void;
}

/** The supervisor of another version than the keeper's. */
interface Stranger {
  readonly protocol: number;
  readonly version: string;
}

export class Vacancy {
  readonly #ports: VacancyPorts;
  readonly #standIn: StandIn;
  #lastDeath = '';
  #stranger: Stranger | null = null;
  #isUnreachable = false;

  constructor(ports: VacancyPorts) {
    this.#ports = ports;
    this.#standIn = new StandIn({
      rules: ports.commands,
      view: () => this.#view(),
      reason: () => this.#reason(),
      status: (pools, mayReadAll) => this.#status(pools, mayReadAll),
      stop: now => this.#stop(now),
      upgrade: isDryRun => this.#upgrade(isDryRun),
    });
  }

  /** @param how as in "supervisor 12 ended (SIGKILL)" */
  died(how: string): void {
    this.#lastDeath = how;
    const { supervisor, controlSocket, problem } = this.#ports;
    const path = controlSocket();
    // One that is started again at once is there before a client gives up.
    if (path === null || supervisor.youngDeaths < 2) return;
    try {
      this.#standIn.open(path);
      this.#isUnreachable = false;
    } catch (error) {
      if (!this.#isUnreachable) problem(`nobody answers on ${path}: ${(error as Error).message}`);
      this.#isUnreachable = true;
    }
  }

  /** A supervisor does its work, and is to have the control socket. */
  filled(): void {
    this.#stranger = null;
    this.#standIn.close();
  }

  /** @returns whether keeper and supervisor understand each other */
  admits(stranger: Stranger): boolean {
    if (stranger.protocol === PROTOCOL) return true;
    const isNews = this.#stranger?.version !== stranger.version;
    this.#stranger = stranger;
    if (isNews) this.#ports.problem(mismatch(stranger));
    return false;
  }

  close(): void {
    this.#standIn.close();
  }

  #view(): StandInView {
    return standInView(this.#ports.holdings.notes);
  }

  #reason(): string {
    if (this.#ports.ownStop.isUnderWay)
      return 'the keeper stops everything by itself: there is no supervisor';
    if (this.#stranger !== null) return mismatch(this.#stranger);
    const { youngDeaths, nextStartInMs } = this.#ports.supervisor;
    const next =
      nextStartInMs === null
        ? 'another one is being started'
        : `the next try is in ${(nextStartInMs / 1000).toFixed(1)} s`;
    return `the supervisor has died ${youngDeaths} times in a row (the last: ${this.#lastDeath}), and ${next}. The workers continue, but none that ends is replaced; the log says what it died of`;
  }

  #status(pools: readonly string[] | null, mayReadAll: boolean): object {
    const { holdings, ownStop } = this.#ports;
    const { workers, notes, startedAt, startedAtMs } = holdings;
    return standInStatus({
      version: VERSION,
      keeperPid: process.pid,
      startedAt,
      uptimeMs: nowMs() - startedAtMs,
      nowMs: nowMs(),
      reason: this.#reason(),
      isStopping: ownStop.isAskedFor,
      lastReload: lastReloadOf(notes.get(LAST_RELOAD), mayReadAll ? null : pools),
      lastUpgrade: mayReadAll ? (JSON.parse(notes.get(LAST_UPGRADE) ?? 'null') as unknown) : null,
      pools: this.#view().pools.filter(({ name }) => pools === null || pools.includes(name)),
      workers: workers.saved
        .filter(({ gone, exit }) => !gone && exit === null)
        .map(({ pid, spec, startedAtMs, isChild }) => ({
          pid,
          pool: spec.pool,
          startedAtMs,
          isAdopted: !isChild,
        })),
    });
  }

  #stop(isNow: boolean): StandInAnswer {
    const stopped = this.#view().pools.map(({ name }) => name);
    const body = { pid: process.pid, stopped };
    return { body, after: () => this.#ports.ownStop.begin(isNow) };
  }

  async #upgrade(isDryRun: boolean): Promise<StandInAnswer> {
    const { upgrade, holdings, problem } = this.#ports;
    const to = await upgrade.tryOut();
    const last = JSON.parse(holdings.notes.get(LAST_UPGRADE) ?? 'null') as { readonly at: string } | null;
    const from = VERSION;
    const previous = last?.at ?? null;
    const body = {
      dry_run: isDryRun,
      pid: process.pid,
      supervisor_pid: null,
      from,
      to,
      previous_at: previous,
    };
    if (isDryRun) return { body };
    const replace = (): void => {
      upgrade.replace().catch((error: unknown) => problem(`no upgrade: ${(error as Error).message}`));
    };
    return { body, after: replace };
  }
}

interface ReloadNote {
  readonly last: { readonly ok: boolean; readonly message: string } | null;
  readonly parts?: readonly Part[];
}

/** @param pools whose user asks: what others' pools have to do with it, it does not read; null: all may be read */
function lastReloadOf(note: string | undefined, pools: readonly string[] | null): object | null {
  const { last, parts = [] } = JSON.parse(note ?? '{"last":null}') as ReloadNote;
  if (last === null || last.ok || pools === null) return last;
  return { ...last, message: messageOf(parts, part => part.pool !== null && pools.includes(part.pool)) };
}

function mismatch({ protocol, version }: Stranger): string {
  return `the fpm-ts that is installed (version ${version}, protocol ${protocol}) has a supervisor that the running keeper (version ${VERSION}, protocol ${PROTOCOL}) does not understand: \`fpm-ts upgrade\` lets the keeper become the installed version; otherwise install version ${VERSION} again, or stop and start. The workers continue, but none that ends is replaced`;
}
