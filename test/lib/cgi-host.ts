/** `fpm-ts cgi` as a process of its own, with its listener on descriptor 0, and a folder of scripts that it runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ConnectAddress } from '../../src/client/pool-target.ts';
import type { Answer } from '../../src/client/request-types.ts';
import { sendRequest } from '../../src/client/send-request.ts';
import { listenUnix } from '../../src/os/listener.ts';
import { listenTcp } from '../../src/os/tcp-listener.ts';
import type { ClientProtocol } from '../../src/protocols/names.ts';
import { cleanEnvironment } from './command.ts';
import type { Installed } from './installed.ts';
import { MAIN } from './paths.ts';
import { until } from './poll.ts';
import { freePort } from './ports.ts';
import { descendants, describe, openDescriptors, readStat } from './processes.ts';
import { IS_ROOT, type Scope } from './suite.ts';

export interface CgiHostOptions {
  /** Behind `fpm-ts cgi --root …`. */
  readonly args?: readonly string[];
  readonly protocol?: ClientProtocol;
  readonly tcp?: boolean;
  /** Another installation than this repository's: one that ordinary users can read. */
  readonly installed?: Installed;
  /** A command in front of it, such as prlimit's. */
  readonly before?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Nobody reads its stderr before `log` is called for the first time. */
  readonly isUnread?: boolean;
}

export interface CgiRequest {
  /** Added to those of `scriptParams`, or in their place; undefined takes one away. */
  readonly params?: Readonly<Record<string, string | Buffer | undefined>>;
  readonly body?: Buffer | Readable;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** What came back, as a whole. */
export interface CgiReply {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly text: string;
  /** FCGI_STDERR. */
  readonly errors: string;
  readonly appStatus: number | null;
}

export interface CgiHost {
  readonly pid: number;
  readonly root: string;
  readonly address: ConnectAddress;
  readonly protocol: ClientProtocol;
  /** A folder that every script may write in. */
  readonly shared: string;
  /** Writes a script with the run bit. @returns its path */
  script(name: string, text: string, mode?: number): string;
  /** Sends a request for a script and reads the answer. */
  ask(name: string, request?: CgiRequest): Promise<CgiReply>;
  /** The same, without reading the body. @param onErrors what comes on FCGI_STDERR */
  begin(name: string, request?: CgiRequest, onErrors?: (chunk: Buffer) => void): Promise<Answer>;
  /** What it has written to stderr. */
  log(): string;
  /** Resolves with the match when its log has it. */
  said(what: RegExp): Promise<RegExpExecArray>;
  /** How many it has open. */
  descriptors(): number;
  /** What they lead to, for a message. */
  openFiles(): string;
  /** Its children, zombies included. */
  children(): string[];
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const GROUP_AND_OTHERS = 0o666;
let hosts = 0;

/** At the end of the scope it is stopped, and must have left no process behind. */
export async function startCgiHost(scope: Scope, options: CgiHostOptions = {}): Promise<CgiHost> {
  const dir = join(scope.dir, `cgi-${hosts++}`);
  const root = join(dir, 'www');
  const shared = join(dir, 'shared');
  for (const folder of [dir, root, shared]) mkdirSync(folder);
  chmodSync(shared, 0o777);
  const protocol = options.protocol ?? 'fastcgi';
  const { descriptor, address } =
    options.tcp === true ? await tcpListener() : unixListener(join(dir, 'cgi.sock'));
  // Scripts are known by it, whatever becomes of their parents.
  const mark = `FPM_TS_TEST_MARK=${dir}`;
  const user = IS_ROOT ? ['--user', 'nobody'] : [];
  const args = [
    'cgi',
    '--root',
    root,
    '--protocol',
    protocol,
    '--env',
    mark,
    ...user,
    ...(options.args ?? []),
  ];
  const { node, main } = options.installed ?? { node: process.execPath, main: MAIN };
  const [command = '', ...rest] = [...(options.before ?? []), node, main, ...args];
  const child = spawn(command, rest, {
    cwd: dir,
    env: { ...cleanEnvironment(), ...options.env },
    // The last two are what some starter has left open: no script may get them.
    stdio: [descriptor, 'ignore', 'pipe', 'ignore', 'ignore'],
  });
  closeSync(descriptor);
  const log = collect(child, options.isUnread === true);
  const exited = once(child, 'exit');
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const stop = async (): Promise<number | null> => {
    if (!hasEnded()) child.kill('SIGTERM');
    await exited;
    return child.exitCode;
  };
  scope.defer(async () => {
    await stop();
    await until(() => marked(mark).length === 0, {
      what: 'all scripts to be gone',
      explain: () =>
        marked(mark)
          .map(pid => `${pid}: ${describe(pid)}`)
          .join('\n'),
    });
  });
  const pid = child.pid ?? 0;
  const begin = (
    name: string,
    request: CgiRequest = {},
    onStderr?: (chunk: Buffer) => void,
  ): Promise<Answer> =>
    hasEnded()
      ? Promise.reject(new Error(`the host has ended: ${log()}`))
      : sendRequest({
          address,
          protocol,
          params: scriptParams(root, name, request),
          body: request.body ?? null,
          timeoutMs: request.timeoutMs ?? 20_000,
          signal: request.signal,
          onStderr,
        });
  return {
    pid,
    root,
    address,
    protocol,
    shared,
    script(name, text, mode = 0o755) {
      const path = join(root, name);
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    },
    begin,
    async ask(name, request) {
      const errors: Buffer[] = [];
      const answer = await begin(name, request, chunk => errors.push(chunk));
      const body = await buffer(answer.body);
      const end = await answer.end;
      const { head } = answer;
      return {
        status: head.status,
        fields: new Map(head.fields.map(([field, value]) => [field.toLowerCase(), value])),
        body,
        text: body.toString(),
        errors: Buffer.concat(errors).toString(),
        appStatus: end?.appStatus ?? null,
      };
    },
    log,
    said: what => until(() => what.exec(log()) ?? undefined, { what: `${what} in the log`, explain: log }),
    descriptors: () => openDescriptors(pid),
    openFiles: () =>
      readdirSync(`/proc/${pid}/fd`)
        .map(fd => linkOf(`/proc/${pid}/fd/${fd}`))
        .join(' '),
    children: () => descendants(pid).map(it => `${it.pid} ${it.state} ${describe(it.pid)}`),
    stop,
  };
}

function collect({ stderr }: ChildProcess, isLate: boolean): () => string {
  const chunks: Buffer[] = [];
  let isReading = false;
  const read = (): void => {
    if (!isReading) stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
    isReading = true;
  };
  if (!isLate) read();
  return () => {
    read();
    return Buffer.concat(chunks).toString();
  };
}

interface Listening {
  readonly descriptor: number;
  readonly address: ConnectAddress;
}

function unixListener(path: string): Listening {
  const { descriptor } = listenUnix({
    path,
    backlog: 511,
    mode: GROUP_AND_OTHERS,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
  });
  return { descriptor, address: { type: 'unix', path } };
}

async function tcpListener(): Promise<Listening> {
  const host = '127.0.0.1';
  const port = await freePort();
  const options = { host, port, dualStack: false, backlog: 511, allowedClients: [] };
  return { descriptor: listenTcp(options), address: { type: 'tcp', host, port } };
}

/** As a web server sends them; `params` of the request win. */
function scriptParams(root: string, name: string, { params, body }: CgiRequest): [string, string | Buffer][] {
  const all: Record<string, string | Buffer | undefined> = {
    REQUEST_METHOD: body === undefined ? 'GET' : 'POST',
    QUERY_STRING: '',
    CONTENT_LENGTH: Buffer.isBuffer(body) ? String(body.length) : '',
    SCRIPT_FILENAME: `${root}/${name}`,
    SCRIPT_NAME: `/${name}`,
    DOCUMENT_ROOT: root,
    SERVER_PROTOCOL: 'HTTP/1.1',
    ...params,
  };
  return Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return 'closed meanwhile';
  }
}

/** Every process that has this variable, zombies apart: they have no environment any more. */
function marked(mark: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => environmentOf(pid).includes(mark) && readStat(pid)?.state !== 'Z');
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return []; // it has ended, or is somebody else's
  }
}
