/** Does what `reconcile` wants done: asks the keeper, and puts what it answers on the pool's news. */
import type { Keeper } from '../keeper/client.ts';
import type { PoolEvent } from '../observe/events.ts';
import { describeActivity, kernelStack } from '../worker/activity.ts';
import { workerSpec } from '../worker/command.ts';
import { freezeLookKill } from '../worker/freeze.ts';
import { poolIdentity } from '../worker/identity.ts';
import type { Kernel } from '../worker/kernel.ts';
import { newWorker, tagOf } from '../worker/worker.ts';
import type { Action } from './action.ts';
import { choose } from './choose.ts';
import type { DecisionLog } from './decision-log.ts';
import type { KeeperNews } from './observation.ts';
import { listenerId, specOf } from './pool-listener.ts';
import { SavedNote } from './pool-note.ts';
import type { PoolState } from './pool-state.ts';

/** The keeper is asked for so many workers at a time: it does nothing else while it starts them. */
const SPAWNED_AT_ONCE = 32;

export interface ApplyPorts {
  readonly keeper: Keeper;
  readonly kernel: Kernel;
  readonly report: (event: PoolEvent) => void;
  readonly now: () => number;
  readonly log: DecisionLog;
  /** Takes what came of it; the next turn comes now. */
  readonly news: (news: KeeperNews) => void;
  /** These processes are the pool's from now on. */
  readonly own: (pids: readonly number[]) => void;
}

export class Apply {
  readonly #pool: string;
  readonly #ports: ApplyPorts;
  readonly #saved = new SavedNote();

  constructor(pool: string, ports: ApplyPorts) {
    this.#pool = pool;
    this.#ports = ports;
  }

  do(action: Action): void {
    const { keeper, report, log, now, news } = this.#ports;
    switch (action.type) {
      case 'listen':
        this.#listen(action);
        break;
      case 'take':
        this.#take(action);
        break;
      case 'publish': {
        const { number } = action;
        keeper.post('publish', { id: listenerId(this.#pool, number) }, outcome => {
          if ('failure' in outcome) news({ type: 'publishFailed', number, ...outcome.failure });
          else news({ type: 'published', number });
        });
        break;
      }
      case 'refuse':
        keeper.post('refuse', { id: listenerId(this.#pool, action.number) });
        break;
      case 'unlisten': {
        const { number } = action;
        // When the keeper does not have it any more, it is as good as closed.
        keeper.post('unlisten', { id: listenerId(this.#pool, number) }, () =>
          news({ type: 'unlistened', number }),
        );
        break;
      }
      case 'spawn':
        this.#spawn(action);
        break;
      case 'signal':
        keeper.post('signal', { pid: action.pid, signal: action.signal });
        break;
      case 'tag':
        keeper.post('tag', { pid: action.pid, tag: action.tag });
        break;
      case 'forget':
        keeper.post('acknowledge', { pid: action.pid, note: this.#saved.save(action.state) });
        break;
      case 'save':
        this.save(action.state);
        break;
      case 'choose': {
        const chosen = choose(action, this.#ports.kernel);
        if (chosen !== null) news({ type: 'chosen', reason: action.reason, ...chosen });
        break;
      }
      case 'freeze':
        void this.#freeze(action);
        break;
      case 'report':
        report(action.event);
        break;
      case 'reportRequest':
        this.#reportRequest(action);
        break;
      case 'explain':
        log.write(now(), action.what, action.reasons);
        break;
    }
  }

  /** Leaves with the keeper what the next supervisor has to know, unless it has it. */
  save(state: PoolState): void {
    if (!this.#saved.has(state)) this.#ports.keeper.post('note', this.#saved.save(state));
  }

  #listen({ number, config }: Extract<Action, { type: 'listen' }>): void {
    const { keeper, news } = this.#ports;
    const failed = (message: string, code: string | null = null): void =>
      news({ type: 'listenFailed', number, message, code });
    const spec = attempt(() => specOf(config, number));
    if (spec instanceof Error || spec === null) {
      failed(spec?.message ?? 'the pool has no listener');
      return;
    }
    keeper.post('listen', { specs: [spec] }, outcome => {
      const result = 'failure' in outcome ? outcome : outcome.answer.results[0];
      if (result === undefined || 'failure' in result) failed(result?.failure.message ?? 'no answer');
      else news({ type: 'listened', number, inode: result.inode });
    });
  }

  #take({ number, config, foreign }: Extract<Action, { type: 'take' }>): void {
    const { keeper, news } = this.#ports;
    const failed = (message: string, code: string | null = null): void =>
      news({ type: 'listenFailed', number, message, code, isForeign: true });
    const spec = attempt(() => specOf(config, number));
    if (spec instanceof Error || spec === null) {
      failed(spec?.message ?? 'the pool has no listener');
      return;
    }
    keeper.post('take', { spec, ...foreign }, outcome => {
      if ('failure' in outcome) {
        failed(outcome.failure.message, outcome.failure.code);
        return;
      }
      const { isLost, isNonblocking } = outcome.answer;
      // As the other program wants it, ours may die of it (listen.nonblock).
      const isUnfit = isLost || isNonblocking !== config.listen.nonblock;
      news({ type: 'taken', number, inode: foreign.inode, isLost: isUnfit });
    });
  }

  #spawn({ generation, config, listener, count }: Extract<Action, { type: 'spawn' }>): void {
    const { keeper, news, now, own } = this.#ports;
    const askedAtMs = now();
    const listenerInode = listener?.inode ?? null;
    const common = { type: 'spawned', generation, listenerInode, config, askedAtMs } as const;
    const id = listener === null ? null : listenerId(this.#pool, listener.number);
    const spec = attempt(() => workerSpec(config, poolIdentity(config), id, process.env));
    if (spec instanceof Error) {
      news({ ...common, asked: count, pids: [], failure: spec.message });
      return;
    }
    const newborn = { pid: 0, generation, startedAtMs: askedAtMs, listenerInode, startedWith: config };
    const tag = tagOf(newWorker(newborn), this.#pool);
    for (let left = count; left > 0; left -= SPAWNED_AT_ONCE) {
      const asked = Math.min(left, SPAWNED_AT_ONCE);
      keeper.post('spawn', { spec, tag, count: asked }, outcome => {
        const failed = 'failure' in outcome ? { pids: [], failure: outcome.failure } : outcome.answer;
        const { pids, failure } = failed;
        own(pids);
        news({ ...common, asked, pids, failure: failure?.message ?? null });
      });
    }
  }

  async #freeze(action: Extract<Action, { type: 'freeze' }>): Promise<void> {
    const { keeper, kernel, news } = this.#ports;
    const { pid, listenerInode, reason, leaving } = action;
    // Should we die before we hear that it was killed, the next supervisor knows why it has ended, or is to.
    const announce = (): void => keeper.post('tag', { pid, tag: leaving });
    const done = freezeLookKill(keeper, kernel, pid, listenerInode, announce);
    const outcome = await done.catch(() => 'spared' as const);
    news({ type: 'thawed', pid, outcome, reason });
  }

  #reportRequest({ event, request, timeoutMs }: Extract<Action, { type: 'reportRequest' }>): void {
    const { holder, requestMs, connectionMs, cpuMs, cpuOverMs } = request;
    const { worker: pid, process } = holder;
    const facts = {
      pool: this.#pool,
      pid,
      process,
      requestMs: Math.round(requestMs),
      connectionMs: Math.round(connectionMs),
      blockedIn: describeActivity(process),
      cpuMs: Math.round(cpuMs),
      cpuOverMs: Math.round(cpuOverMs),
      timeoutMs,
    };
    if (event === 'slow') this.#ports.report({ type: 'slowRequest', ...facts, stack: kernelStack(process) });
    else this.#ports.report({ type: 'requestTimedOut', ...facts, ends: event });
  }
}

/** The user, the group or the program of a pool may have gone since its settings were checked. */
function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
