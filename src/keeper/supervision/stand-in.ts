/**
 * Answers on the control socket while one supervisor after the other dies: `status` and `stop` work, everything else
 * is told why it does not. It is closed before the next supervisor takes the path.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FileIdentity, listenUnix, unlinkOwn } from '../../os/listener.ts';
import type { Peer } from '../../os/peer.ts';
import { Recent } from '../../os/recent.ts';
import type { Rank } from './connection-places.ts';
import { HttpDoor } from './http-door.ts';
import type { StandInView } from './stand-in-view.ts';

const BACKLOG = 511;
const BODY_LIMIT_BYTES = 64 * 1024;

/** An answer: its HTTP status, and what becomes JSON. */
export interface StandInAnswer {
  readonly status: number;
  readonly body: object;
  /** Done when the client has it. */
  readonly after?: () => void;
}

export interface StandInPorts {
  readonly view: () => StandInView;
  /** Why there is no supervisor: a sentence. */
  readonly reason: () => string;
  /** The document of `status`; only of this pool, where one is named. @param mayReadAll else only what concerns it */
  readonly status: (pool: string | null, mayReadAll: boolean) => object;
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
    let answer: StandInAnswer;
    try {
      answer = await this.#answer(request, peer);
    } catch (error) {
      answer = failure(500, 'FAILED', error instanceof Error ? error.message : String(error));
    }
    const text = `${JSON.stringify(answer.body)}\n`;
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      connection: 'close',
    });
    response.end(text, answer.after);
  }

  async #answer(request: IncomingMessage, peer: Peer): Promise<StandInAnswer> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://control');
    const command = `${request.method} ${pathname}`;
    const pool = searchParams.get('pool');
    const view = this.#ports.view();
    const mayDoAll = ['root', 'member'].includes(rankOf(peer, view));
    const mayLook =
      command === 'GET /v1/status' && view.pools.some(it => it.name === pool && it.uid === peer.uid);
    if (!mayDoAll && !mayLook) {
      const message = `while there is no supervisor only root, fpm-ts's own user and members of control.group may use the control socket, and a pool's user may look at that pool (${this.#ports.reason()})`;
      return failure(403, 'NOT_ALLOWED', message);
    }
    const args = command.startsWith('POST ') ? await argumentsOf(request) : {};
    if (args === null) return failure(413, 'USAGE', 'the body is too long or no JSON');
    if (command === 'GET /v1/status') return this.#status(pool, mayDoAll);
    if (command === 'POST /v1/stop' && args.pools === undefined) return this.#ports.stop(args.now === true);
    if (command === 'POST /v1/upgrade') return await this.#upgrade(args.dry_run === true);
    const message = `there is no supervisor to do this: ${this.#ports.reason()}. \`fpm-ts status\` and \`fpm-ts stop\` (of everything) work meanwhile`;
    return failure(503, 'NOT_RUNNING', message);
  }

  #status(pool: string | null, mayReadAll: boolean): StandInAnswer {
    const known = this.#ports.view().pools.map(({ name }) => name);
    if (pool === null || known.includes(pool))
      return { status: 200, body: this.#ports.status(pool, mayReadAll) };
    return failure(404, 'NO_SUCH_POOL', `there is no pool ${pool}; there are: ${known.join(', ') || 'none'}`);
  }

  async #upgrade(isDryRun: boolean): Promise<StandInAnswer> {
    try {
      return await this.#ports.upgrade(isDryRun);
    } catch (error) {
      return failure(500, 'UPGRADE_FAILED', error instanceof Error ? error.message : String(error));
    }
  }
}

function rankOf({ uid, gid, groups }: Peer, view: StandInView | null): Rank {
  if (uid === 0 || uid === process.getuid?.()) return 'root';
  const controlGid = view?.controlGid ?? null;
  if (controlGid !== null && (gid === controlGid || groups.includes(controlGid))) return 'member';
  return view?.pools.some(it => it.uid === uid) === true ? 'owner' : 'stranger';
}

/** null: it is too long, or no JSON object. */
async function argumentsOf(request: IncomingMessage): Promise<Record<string, unknown> | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_LIMIT_BYTES) return null;
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8').trim() || '{}');
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

function failure(status: number, code: string, message: string): StandInAnswer {
  return { status, body: { error: { code, message, file: null, line: null, column: null, key: null } } };
}
