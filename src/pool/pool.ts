/** A pool from outside: its commands, one after the other. Its turns (pool-turns.ts) do what they ask for. */
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import { KeeperError } from '../keeper/client.ts';
import { CommandQueue } from './command-queue.ts';
import type { ForeignSocket, News } from './observation.ts';
import {
  failureOf,
  hasGivenUp,
  heldSize,
  isClosed,
  isComingUp,
  isObstructed,
  isWanted,
  type RolloutResult,
} from './pool-state.ts';
import { PoolTurns } from './pool-turns.ts';

export type { PoolPorts } from './pool-turns.ts';

export class Pool extends PoolTurns {
  readonly #queue = new CommandQueue();
  /** The settings for the reload that waits; null: none. */
  #nextConfig: PoolConfig | null = null;

  /** Until it is clear whether it comes up. */
  untilUp(): Promise<void> {
    return this.until(state => !isComingUp(state));
  }

  /** Leaves with the keeper that it is to run, before anything of it does; or why it is not tried. */
  announce(obstacle: string | null): void {
    this.save({ ...this.state, desired: 'running', obstacle });
  }

  /**
   * Starts it; done when it has its size.
   * @param isOnTrial a reload adds it: until it has come up it is given up should the supervisor die
   * @throws {FpmError} POOL_FAILED when the address cannot be had, or its workers do not come up: it tries on then
   */
  start(isOnTrial = false): Promise<void> {
    const joined = this.#queue.current === 'start' ? this.#queue.outcome : this.#queue.waiting('start');
    if (joined !== null) return joined as Promise<void>;
    return this.#queue.run('start', async signal => {
      if (!isWanted(this.state) || isObstructed(this.state)) this.tell({ type: 'start', isOnTrial });
      await this.#untilUp(signal);
      if (isOnTrial) this.tell({ type: 'admit' });
      await this.until(() => true, signal);
    });
  }

  /** @throws {FpmError} POOL_FAILED when it does not come up */
  async #untilUp(signal: AbortSignal): Promise<void> {
    await this.until(state => !isComingUp(state), signal);
    const { config, openFailure } = this.state;
    const isLost = !isWanted(this.state) && openFailure !== null;
    if (!isLost && !hasGivenUp(this.state)) return;
    const reason = isLost ? `it cannot listen: ${openFailure.message}` : failureOf(this.state);
    throw new FpmError('POOL_FAILED', `pool ${this.name}: ${reason}`, { file: config.file });
  }

  /**
   * What its settings need is not there: it has failed, and is not tried before a start or a reload. One that has come
   * up meanwhile continues.
   */
  obstruct(reason: string): void {
    this.tell({ type: 'obstruct', reason });
  }

  /** Until it listens, once `start` was called. @throws {FpmError} POOL_FAILED when it cannot, or must not be tried */
  async untilListening(): Promise<void> {
    await this.until(state => state.listening === 'open' || isObstructed(state) || !isWanted(state));
    const { config } = this.state;
    if (!isObstructed(this.state)) return;
    throw new FpmError('POOL_FAILED', `pool ${this.name}: ${failureOf(this.state)}`, { file: config.file });
  }

  /**
   * Sends the workers away; done when nothing of it is left.
   * @param now requests in flight are aborted
   */
  stop(now: boolean): Promise<void> {
    return this.#end(
      { type: 'stop', now },
      new FpmError('FAILED', `pool ${this.name} was stopped meanwhile`),
    );
  }

  /** As `stop`, and it does not come back: no command is taken any more. */
  async remove(): Promise<void> {
    const reason = new FpmError('NO_SUCH_POOL', `pool ${this.name} was removed from the configuration`);
    const ended = this.#end({ type: 'remove' }, reason);
    this.#queue.close(reason);
    await ended;
  }

  #end(command: Extract<News, { type: 'stop' | 'remove' }>, reason: FpmError): Promise<void> {
    const joined = this.#queue.current === 'stop' ? this.#queue.outcome : this.#queue.waiting('stop');
    if (joined !== null) {
      this.#queue.giveUp(reason);
      this.tell(command);
      return joined as Promise<void>;
    }
    return this.#queue.preempt(reason, 'stop', async () => {
      this.tell(command);
      await this.until(isClosed);
    });
  }

  /** Until the next reload it has so many workers. @throws {FpmError} POOL_STOPPED, POOL_PAUSED */
  scale(size: number): Promise<void> {
    return this.#queue.run('scale', async signal => {
      this.#mustRun();
      if (this.state.pausedAt !== null)
        throw new FpmError(
          'POOL_PAUSED',
          `pool ${this.name} is paused and keeps its number of workers: \`fpm-ts resume ${this.name}\` comes first`,
        );
      this.tell({ type: 'scale', size });
      await this.until(() => true, signal);
    });
  }

  /**
   * Keeps so many workers as there are, until it is resumed or stopped.
   * @returns how many
   * @throws {FpmError} POOL_STOPPED, POOL_FAILED
   */
  pause(): Promise<number> {
    return this.#queue.run('pause', async signal => {
      this.#mustRun();
      this.tell({ type: 'pause' });
      await this.until(() => true, signal);
      return heldSize(this.state) ?? 0;
    });
  }

  /** @throws {FpmError} POOL_STOPPED, POOL_FAILED */
  resume(): Promise<void> {
    return this.#queue.run('pause', async signal => {
      this.#mustRun();
      this.tell({ type: 'resume' });
      await this.until(() => true, signal);
    });
  }

  /** Takes settings that need no new workers. */
  reconfigure(config: PoolConfig): Promise<void> {
    return this.#queue.run('reconfigure', async signal => {
      this.tell({ type: 'reconfigure', config });
      await this.until(() => true, signal);
    });
  }

  /**
   * Starts a new generation beside the serving one; when all of it is ready it takes over. One that waits takes these
   * settings as well.
   * @returns `stopped`: it is, and takes the settings when it is started
   */
  reload(config: PoolConfig): Promise<RolloutResult | 'stopped'> {
    this.#nextConfig = config;
    const joined = this.#queue.waiting('reload');
    if (joined !== null) return joined as Promise<RolloutResult | 'stopped'>;
    return this.#queue.run('reload', async signal => {
      const wanted = this.#nextConfig ?? config;
      if (!isWanted(this.state)) {
        this.tell({ type: 'reconfigure', config: wanted });
        await this.until(() => true, signal);
        return 'stopped' as const;
      }
      if (isObstructed(this.state)) return await this.#startAnew(wanted, signal);
      return await this.#roll(wanted, signal);
    });
  }

  /**
   * Ends the reload that waits or is under way: its new workers are sent away, and those that serve stay.
   * @returns false: it cannot be ended, because clients reach the new workers already or are about to
   */
  cancelReload(reason: string): boolean {
    if (this.state.rollout?.phase === 'publishing') return false;
    this.#queue.cancel('reload', new FpmError('RELOAD_FAILED', reason));
    this.tell({ type: 'cancelRollout', reason });
    return true;
  }

  /**
   * Takes over from another program that listens at its address: workers come up beside it, and when all of them are
   * ready, new connections come to them.
   * @returns why the workers did not come up; the other program then has everything as before
   * @throws {KeeperError} when the socket cannot be had
   */
  takeOver(config: PoolConfig, foreign: ForeignSocket): Promise<RolloutResult> {
    return this.#queue.run('takeover', async signal => {
      this.tell({ type: 'take', config, foreign });
      await this.until(({ listening, openFailure }) => listening === 'open' || openFailure !== null, signal);
      const { openFailure } = this.state;
      if (openFailure !== null) throw new KeeperError(openFailure);
      const result = await this.#roll(config, signal);
      if (!result.ok) {
        this.tell({ type: 'stop', now: true });
        await this.until(isClosed, signal);
      }
      return result;
    });
  }

  /** Nothing of it is there that a new generation could take over from. */
  async #startAnew(config: PoolConfig, signal: AbortSignal): Promise<RolloutResult> {
    this.tell({ type: 'reconfigure', config });
    this.tell({ type: 'start', isOnTrial: false });
    await this.until(state => !isComingUp(state), signal);
    return hasGivenUp(this.state) ? { ok: false, reason: failureOf(this.state) } : { ok: true };
  }

  async #roll(config: PoolConfig, signal: AbortSignal): Promise<RolloutResult> {
    await this.until(({ rollout }) => rollout === null, signal); // one that nobody asked for
    this.tell({ type: 'rollout', config });
    await this.until(({ rollout }) => rollout === null, signal);
    return this.state.lastRollout ?? { ok: false, reason: 'the reload was lost' };
  }

  #mustRun(): void {
    if (isObstructed(this.state))
      throw new FpmError('POOL_FAILED', `pool ${this.name} has failed: ${failureOf(this.state)}`);
    if (isWanted(this.state)) return;
    throw new FpmError(
      'POOL_STOPPED',
      `pool ${this.name} is stopped: \`fpm-ts start ${this.name}\` starts it`,
    );
  }
}
