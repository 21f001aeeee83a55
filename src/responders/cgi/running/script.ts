/** One script that runs: its process, what it writes, and how both end. */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { type Launch, launch } from '../../../os/launch.ts';
import { SystemError } from '../../../os/libc.ts';
import { childExit, type Exit, pidfdOpen } from '../../../os/pidfd.ts';
import { openPipe, type Pipe, readSome } from '../../../os/pipe.ts';
import { HUNG_UP, type Poller } from '../../../os/poller.ts';
import type { LocatedScript } from '../located.ts';
import type { Report } from '../report.ts';
import type { Endings } from './endings.ts';
import { ErrorOutput } from './error-output.ts';
import type { ScriptInput } from './input.ts';

/** What all scripts of a host share. */
export interface ScriptTools {
  readonly poller: Poller;
  readonly report: Report;
  readonly endings: Endings;
  /** /dev/null, for those that are sent nothing. */
  readonly nothing: number;
}

export interface ScriptStart extends Pick<Launch, 'path' | 'argv' | 'environment'> {
  /** As the log names it. */
  readonly name: string;
  /** Its file is given to it as descriptor 3; both are closed. */
  readonly script: Pick<LocatedScript, 'file' | 'directory'>;
  readonly input: ScriptInput;
}

export interface ScriptEnd {
  readonly exit: Exit;
  /** What it said last on stderr; empty when it said nothing. */
  readonly lastErrorLine: string;
  /** It was to end, and SIGTERM was not enough. */
  readonly isKilled: boolean;
}

/** Called as things happen. `ended` or `failed` is the last of them. */
export interface ScriptEvents {
  /** The bytes are overwritten after the call. @returns false: no more before `resume` */
  output(bytes: Buffer): boolean;
  errorOutput(bytes: Buffer): void;
  /** It could not be started. */
  failed(errno: number): void;
  /** Its process has ended, and its output as well. */
  ended(end: ScriptEnd): void;
}

export function closeScript({ file, directory }: Pick<LocatedScript, 'file' | 'directory'>): void {
  closeSync(file);
  closeSync(directory);
}

/** One for all scripts. */
const chunk: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

export class Script {
  readonly #tools: ScriptTools;
  readonly #start: ScriptStart;
  readonly #events: ScriptEvents;
  #pid = 0;
  /** Our end of its stdout; -1 when that is at its end. */
  #output = -1;
  #isPolled = false;
  #errors: ErrorOutput | null = null;
  /** While the process runs on without its stdout. */
  #pidfd = -1;
  /** It is to end, or has ended. */
  #isEnding = false;

  /** @throws {SystemError} EMFILE, ENFILE: there are no descriptors for its pipes */
  constructor(tools: ScriptTools, start: ScriptStart, events: ScriptEvents) {
    this.#tools = tools;
    this.#start = start;
    this.#events = events;
    this.#launch();
  }

  /** The pid, for the log; 0 before it runs. */
  get pid(): number {
    return this.#pid;
  }

  /** Output is taken again. */
  resume(): void {
    this.#poll(this.#output >= 0);
  }

  /** Nobody wants its answer any more. `ended` is called when all of its process group is gone. */
  terminate(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    if (this.#pid !== 0) this.#end();
  }

  #launch(): void {
    const { path, argv, environment, script, input } = this.#start;
    const { file, directory } = script;
    const pipes: Pipe[] = [];
    const opened = (ours: keyof Pipe): Pipe => {
      const pipe = openPipe(ours);
      pipes.push(pipe);
      return pipe;
    };
    try {
      const output = opened('read');
      const errors = opened('read');
      const body = input.isEmpty ? null : opened('write');
      const descriptors = [body?.read ?? this.#tools.nothing, output.write, errors.write, file];
      launch({ path, argv, environment, directory, descriptors }, (errno, pid) => {
        closeScript(script);
        for (const theirs of [output.write, errors.write]) closeSync(theirs);
        if (body !== null) closeSync(body.read);
        if (errno === 0) this.#run(pid, output.read, errors.read);
        else this.#failed(errno, [output.read, errors.read]);
      });
      if (body !== null) input.attach(body.write);
    } catch (error) {
      closeScript(script);
      for (const { read, write } of pipes) for (const end of [read, write]) closeSync(end);
      throw error;
    }
  }

  #run(pid: number, output: number, errors: number): void {
    const { poller, report } = this.#tools;
    this.#pid = pid;
    this.#output = output;
    this.#errors = new ErrorOutput({
      poller,
      report,
      script: this.#start.name,
      pid,
      pipe: errors,
      forward: bytes => this.#events.errorOutput(bytes),
    });
    this.#poll(true);
    if (this.#isEnding) this.#end();
  }

  #failed(errno: number, ours: readonly number[]): void {
    for (const descriptor of ours) closeSync(descriptor);
    this.#isEnding = true;
    this.#start.input.close();
    this.#events.failed(errno);
  }

  #read(events: number): void {
    const count = readSome(this.#output, chunk);
    // Nobody can write any more, and all that was written is read: the end needs no look of its own.
    const isLast = (events & HUNG_UP) !== 0 && count > 0 && count < chunk.length;
    const hasRoom = count <= 0 || this.#events.output(chunk.subarray(0, count));
    if (count > 0 && !isLast) {
      if (!hasRoom && !this.#isEnding) this.#poll(false);
    } else if (count !== -constants.errno.EAGAIN) {
      this.#closeOutput();
      if (!this.#isEnding) this.#outputEnded();
    }
  }

  /** The process has mostly ended by now; only where it runs on is it waited for. */
  #outputEnded(): void {
    const exit = childExit(this.#pid, 'reap');
    if (exit !== null) this.#ended(exit);
    else this.#awaitEnd();
  }

  #awaitEnd(): void {
    try {
      this.#pidfd = pidfdOpen(this.#pid);
      this.#tools.poller.add(this.#pidfd, () => this.#processEnded());
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // Out of descriptors: it has said all, so it is not left to run where nobody can wait for it.
      this.terminate();
    }
  }

  #processEnded(): void {
    const exit = childExit(this.#pid, 'reap');
    if (exit === null) return;
    this.#closePidfd();
    this.#ended(exit);
  }

  #end(): void {
    this.#closePidfd();
    this.#poll(this.#output >= 0);
    this.#tools.endings.begin(this.#pid, (exit, isKilled) => {
      this.#closeOutput();
      this.#ended(exit, isKilled);
    });
  }

  #ended(exit: Exit, isKilled = false): void {
    this.#isEnding = true;
    this.#start.input.close();
    this.#errors?.drain();
    this.#events.ended({ exit, lastErrorLine: this.#errors?.lastLine ?? '', isKilled });
  }

  #poll(wanted: boolean): void {
    if (wanted === this.#isPolled) return;
    this.#isPolled = wanted;
    if (wanted) this.#tools.poller.add(this.#output, events => this.#read(events));
    else this.#tools.poller.remove(this.#output);
  }

  #closeOutput(): void {
    this.#poll(false);
    if (this.#output >= 0) closeSync(this.#output);
    this.#output = -1;
  }

  #closePidfd(): void {
    if (this.#pidfd < 0) return;
    this.#tools.poller.remove(this.#pidfd);
    closeSync(this.#pidfd);
    this.#pidfd = -1;
  }
}
