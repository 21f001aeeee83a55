/**
 * Answers on the control socket while one supervisor after the other dies: the commands that the keeper can do by itself
 * work, and the others say why they do not. Requests are read and callers judged as the supervisor does it. It is closed
 * before the next supervisor takes the path.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FpmError } from '../../errors.ts';
import { type FileIdentity, listenUnix, unlinkOwn } from '../../os/listener.ts';
import type { Peer } from '../../os/peer.ts';
import { Recent } from '../../os/recent.ts';
import { type Caller, mayUse, poolsOf } from './access.ts';
import type { CommandRule, RawArgs } from './command-rule.ts';
import type { Rank } from './connection-places.ts';
import { admit, reply, replyError } from './control-reply.ts';
import { argumentsOf } from './control-request.ts';
import { HttpDoor } from './http-door.ts';
import { isMember, isRoot } from './peer-rights.ts';
import { ClientLeft } from './request-error.ts';
import type { StandInView } from './stand-in-view.ts';

const BACKLOG = 511;

export interface StandInAnswer {
  /** What becomes JSON. */
  readonly body: object;
  /** Done when the client has it. */
  readonly after?: () => void;
}

export interface StandInPorts {
  /** The commands of the control socket. */
  readonly rules: readonly CommandRule[];
  readonly view: () => StandInView;
  /** Why there is no supervisor: a sentence. */
  readonly reason: () => string;
  /** The document of `status`; only of these pools, where some are named. @param mayReadAll else only what concerns them */
  readonly status: (pools: readonly string[] | null, mayReadAll: boolean) => object;
  readonly stop: (now: boolean) => StandInAnswer;
  /** @throws {Error} why the keeper cannot become the installed program */
  readonly upgrade: (isDryRun: boolean) => Promise<StandInAnswer>;
}

export class StandIn {
  readonly #ports: StandInPorts;
  #door: HttpDoor | null = null;
  /** Somebody may connect in a loop: all notes are read once a second. */
  readonly #views = new Recent<StandInView>();
  #file: { readonly path: string; readonly identity: FileIdentity } | null = null;

  constructor(ports: StandInPorts) {
    this.#ports = ports;
  }

  /** Does nothing where it listens already. @throws {SystemError} when the path cannot be had */
  open(path: string): void {
    if (this.#door !== null) return;
    const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    // Everybody may connect, as to the supervisor's: what the kernel says of the caller decides.
    const { descriptor, file } = listenUnix({ path, backlog: BACKLOG, mode: 0o666, ...owner });
    this.#file = { path, identity: file };
    this.#door = new HttpDoor({
      descriptor,
      rankOf: peer =>
        rankOf(
          peer,
          this.#views.of('', () => this.#ports.view()),
        ),
      answer: (request, response, peer) => void this.#serve(request, response, peer),
    });
  }

  /** The path is free when this returns; what was asked is answered still. */
  close(): void {
    if (this.#file !== null) unlinkOwn(this.#file.path, this.#file.identity);
    this.#file = null;
    void this.#door?.close(null);
    this.#door = null;
  }

  async #serve(request: IncomingMessage, response: ServerResponse, peer: Peer): Promise<void> {
    const { rules } = this.#ports;
    try {
      const caller = callerOf(peer, this.#ports.view());
      const rule = admit(request, response, caller, rules);
      const args = await argumentsOf(request);
      mayUse(caller, rule, args, rules);
      const { body, after } = await this.#do(rule, args, caller);
      reply(request, response, 200, body, { connection: 'close' }, after);
    } catch (error) {
      if (error instanceof ClientLeft) return;
      const message = error instanceof Error ? error.message : String(error);
      replyError(request, response, error instanceof FpmError ? error : new FpmError('FAILED', message));
    }
  }

  /** @throws {FpmError} NOT_RUNNING for what only a supervisor can do */
  #do(rule: CommandRule, args: RawArgs, caller: Caller): StandInAnswer | Promise<StandInAnswer> {
    if (rule.keeperCan(args)) {
      if (rule.name === 'status') return this.#status(poolsOf(args), caller);
      if (rule.name === 'stop') return this.#ports.stop(args.now === true);
      if (rule.name === 'upgrade') return this.#upgrade(args.dry_run === true);
    }
    throw new FpmError(
      'NOT_RUNNING',
      `there is no supervisor to do this: ${this.#ports.reason()}. \`fpm-ts status\` and \`fpm-ts stop\` (of everything) work meanwhile`,
    );
  }

  #status(pools: readonly string[], { mayDoAll }: Caller): StandInAnswer {
    const known = this.#ports.view().pools.map(({ name }) => name);
    const unknown = pools.find(name => !known.includes(name));
    if (unknown !== undefined)
      throw new FpmError(
        'NO_SUCH_POOL',
        `there is no pool ${unknown}; there are: ${known.join(', ') || 'none'}`,
      );
    return { body: this.#ports.status(pools.length === 0 ? null : pools, mayDoAll) };
  }

  async #upgrade(isDryRun: boolean): Promise<StandInAnswer> {
    try {
      return await this.#ports.upgrade(isDryRun);
    } catch (error) {
      throw new FpmError('UPGRADE_FAILED', error instanceof Error ? error.message : String(error));
    }
  }
}

function callerOf(peer: Peer, view: StandInView): Caller {
  return {
    uid: peer.uid,
    mayDoAll: isRoot(peer) || isMember(peer, view.controlGid),
    ownPools: view.pools.filter(({ uid }) => uid === peer.uid).map(({ name }) => name),
    ownFiles: [],
  };
}

function rankOf(peer: Peer, view: StandInView | null): Rank {
  if (isRoot(peer)) return 'root';
  if (isMember(peer, view?.controlGid ?? null)) return 'member';
  return view?.pools.some(it => it.uid === peer.uid) === true ? 'owner' : 'stranger';
}
