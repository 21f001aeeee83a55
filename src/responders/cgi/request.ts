/** One request of a web server: which script, when it may run, and what becomes of its answer. */
import { SystemError } from '../../os/libc.ts';
import type { Exchange, ExchangeHandler } from '../../protocols/incoming-exchange.ts';
import { ProtocolError } from '../../protocols/protocol-error.ts';
import type { Admission } from './admission.ts';
import { shown } from './finding/bytes.ts';
import type { LocatedScript } from './located.ts';
import { refuse } from './refusal.ts';
import { ScriptAnswer } from './running/answer.ts';
import { scriptCommand } from './running/command.ts';
import { scriptEnvironment } from './running/environment.ts';
import { describeExit, startFailure } from './running/failure.ts';
import { ScriptInput } from './running/input.ts';
import {
  closeScript,
  Script,
  type ScriptEnd,
  type ScriptEvents,
  type ScriptTools,
} from './running/script.ts';
import type { TimeLimit } from './time-limit.ts';

/** What all requests of a host share. */
export interface RequestTools extends ScriptTools {
  readonly admission: Admission<ScriptRequest>;
  readonly timeLimit: TimeLimit<ScriptRequest>;
  /** In front of each command. */
  readonly limits: readonly Buffer[];
  readonly scriptPaths: boolean;
  readonly timeoutMs: number;
  readonly killAfterMs: number;
  /** What the administrator sets for every script. */
  readonly fixedVariables: ReadonlyMap<string, Buffer>;
  readonly software: Buffer;
}

/** What is known of a request before anything is done about it. */
export interface ScriptAsked {
  readonly script: LocatedScript;
  readonly variables: ReadonlyMap<string, Buffer>;
  /** null: the body goes on until it ends, and nobody knows yet whether there is one. */
  readonly bodyBytes: number | null;
}

/** `asked` until it is known whether there is a body; `over`: nothing more is told to the client. */
type State = 'asked' | 'waiting' | 'running' | 'over';

export class ScriptRequest implements ExchangeHandler, ScriptEvents {
  readonly #tools: RequestTools;
  readonly #exchange: Exchange;
  readonly #asked: ScriptAsked;
  readonly #input: ScriptInput;
  readonly #answer: ScriptAnswer;
  /** For admission: which script it is. */
  readonly #key: string;
  /** As the log names it. */
  readonly #name: string;
  #state: State = 'asked';
  #isDeferred = false;
  #script: Script | null = null;

  constructor(tools: RequestTools, exchange: Exchange, asked: ScriptAsked) {
    this.#tools = tools;
    this.#exchange = exchange;
    this.#asked = asked;
    this.#input = new ScriptInput(tools.poller, exchange, asked.bodyBytes);
    this.#answer = new ScriptAnswer(exchange, asked.bodyBytes !== 0);
    this.#key = asked.script.path.toString('latin1');
    this.#name = shown(asked.script.path);
    if (asked.bodyBytes === null) this.#isDeferred = tools.admission.defer();
    if (!this.#isDeferred) this.#enter();
  }

  body(chunk: Buffer): void {
    this.#input.push(chunk);
    if (this.#state === 'asked') this.#enter();
    if (this.#input.hasArrived) this.#send(() => this.#answer.release());
  }

  bodyEnd(): void {
    const isWhole = this.#input.end();
    if (!isWhole) this.#refuse(400, `${this.#name}: the body of its request is shorter than CONTENT_LENGTH`);
    else {
      if (this.#state === 'asked') this.#enter();
      this.#send(() => this.#answer.release());
    }
  }

  drained(): void {
    this.#script?.resume();
  }

  gone(): void {
    this.#giveUp();
  }

  /** It was queued, and there is a place for it now. */
  run(): void {
    this.#state = 'running';
    const { script, variables } = this.#asked;
    const { fixedVariables, software, limits, scriptPaths, report, timeLimit } = this.#tools;
    const environment = scriptEnvironment(variables, script.variables, fixedVariables, software);
    for (const name of environment.withheld)
      report.sayOnce(
        `${name} of a request is not passed on to scripts, as it acts on programs: set it with --env`,
      );
    try {
      this.#script = new Script(
        this.#tools,
        {
          ...scriptCommand(script, limits, scriptPaths),
          environment: environment.variables,
          script,
          name: this.#name,
          input: this.#input,
        },
        this,
      );
      timeLimit.add(this);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const { errno } = error;
      // Not at once: what is run in its place may fail as well, and so on through the whole queue.
      setImmediate(() => this.failed(errno));
    }
  }

  /** The time of the script is over. */
  expired(): void {
    this.#refuse(
      504,
      `${this.#told()}: ended, as it took longer than ${this.#tools.timeoutMs / 1000} s (--timeout)`,
    );
  }

  output(bytes: Buffer): boolean {
    return this.#send(() => this.#answer.push(bytes));
  }

  errorOutput(bytes: Buffer): void {
    this.#exchange.writeError(bytes);
  }

  failed(errno: number): void {
    const { status, reason } = startFailure(this.#name, errno);
    this.#refuse(status, reason);
    this.#leave();
  }

  ended(end: ScriptEnd): void {
    this.#send(() => this.#answer.release());
    if (this.#state !== 'over') this.#complete(end);
    else if (end.isKilled)
      this.#tools.report.say(
        `${this.#told()}: killed, as it did not end within ${this.#tools.killAfterMs / 1000} s of SIGTERM`,
      );
    this.#leave();
  }

  #send(answer: () => boolean): boolean {
    if (this.#state === 'over') return true;
    try {
      return answer();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuse(502, `${this.#told()}: no valid answer: ${error.message}`);
      return true;
    }
  }

  #enter(): void {
    this.#decide();
    const admitted = this.#tools.admission.enter(this.#key, this);
    if (admitted === 'runs') this.run();
    else if (admitted === 'waits') this.#state = 'waiting';
    else
      this.#refuse(
        503,
        `${this.#name}: not run, as enough run and wait already (--max-scripts, --max-queue)`,
      );
  }

  #decide(): void {
    if (this.#isDeferred) this.#tools.admission.decide();
    this.#isDeferred = false;
  }

  #complete({ exit, lastErrorLine }: ScriptEnd): void {
    try {
      this.#answer.end();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const said = lastErrorLine === '' ? '' : `; it said last: ${lastErrorLine}`;
      this.#refuse(502, `${this.#told()}: ${error.message}; ${describeExit(exit)}${said}`);
      return;
    }
    if (exit.signal === null) this.#exchange.end(exit.code ?? 0);
    else this.#breakOff(`${this.#told()}: its answer is incomplete: ${describeExit(exit)}`);
    this.#state = 'over';
  }

  /** Tells the client as far as it can still be told, and the administrator. */
  #refuse(status: number, reason: string): void {
    if (this.#state === 'over') return;
    if (this.#answer.isBegun) {
      this.#breakOff(reason);
    } else {
      this.#tools.report.say(`${status}: ${reason}`);
      refuse(this.#exchange, status);
    }
    this.#giveUp();
  }

  #breakOff(reason: string): void {
    this.#tools.report.say(`broken off: ${reason}`);
    this.#exchange.fail();
  }

  /** Nobody is told anything any more. What runs is ended; `ended` follows. */
  #giveUp(): void {
    const before = this.#state;
    this.#state = 'over';
    this.#decide();
    this.#input.close();
    if (before === 'waiting') this.#tools.admission.withdraw(this);
    if (before === 'waiting' || before === 'asked') closeScript(this.#asked.script);
    if (before === 'running') this.#script?.terminate();
  }

  #leave(): void {
    this.#tools.timeLimit.delete(this);
    this.#tools.admission.leave(this.#key)?.run();
  }

  #told(): string {
    return `${this.#name}[${this.#script?.pid ?? 0}]`;
  }
}
