/** Events as log records: pino's JSON on stdout, which the keeper writes to where the log goes. */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { isoTime } from '../keeper/output/log-format.ts';
import type { Exit } from '../keeper/protocol.ts';
import type { Event, LeaveReason, Report, RequestFacts } from './events.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** A logger whose records the keeper passes on as they are. */
export function supervisorLogger(
  level: string,
  to: DestinationStream = destination({ fd: 1, sync: true }),
): Logger {
  const timestamp = (): string => {
    const now = Date.now();
    return `,"time":${now},"timestamp":"${isoTime(now)}"`;
  };
  const formatters = { level: (severity: string, number: number) => ({ level: number, severity }) };
  return pino({ level, base: null, timestamp, formatters }, to);
}

export function logEvents(logger: Logger): Report {
  return event => {
    const { level, text } = describe(event);
    const { type, ...fields } = event;
    logger[level]({ event: type, ...fields }, text);
  };
}

/** What a person reads about an event. It contains every field: `log.format = "pretty"` shows nothing else of it. */
export function describe(event: Event): { readonly level: Level; readonly text: string } {
  switch (event.type) {
    case 'started':
      return info(
        `fpm-ts runs ${count(event.pools, 'pool')}; control socket ${event.control}, run directory ${event.runDir}`,
      );
    case 'noPools':
      return warn(`no pools are configured (include = ${event.include}): idle until a reload finds some`);
    case 'restored':
      return warn(
        `supervisor restarted: ${count(event.workers, 'worker')} of ${count(event.pools, 'pool')} taken over`,
      );
    case 'upgraded':
      return info(
        `the supervisor of the installed version continues with ${count(event.workers, 'worker')} of ${count(event.pools, 'pool')}`,
      );
    case 'upgrading':
      return info(`upgrading: fpm-ts ${event.from} becomes ${event.to}; the workers continue`);
    case 'upgradeFailed':
      return error(`upgrade failed, what ran before continues: ${event.message}`);
    case 'notice':
      return info(event.text);
    case 'ready':
      return info('every pool is ready');
    case 'signalled':
      return info(`${event.signal}: ${event.means}`);
    case 'stopping':
      return info(event.now ? 'stopping now' : 'stopping: workers finish what they have in hand');
    case 'stopped':
      return info('stopped');
    case 'reloading':
      return info(`reloading ${event.pools.join(', ') || 'nothing: no pool has changed'}`);
    case 'reloaded':
      return info(`reloaded ${event.pools.join(', ') || 'nothing: no pool had changed'}`);
    case 'reloadFailed':
      return error(`reload failed, what ran before continues: ${event.message}`);
    case 'takingOver':
      return info(`pool ${event.pool} takes over from ${event.program}`);
    case 'tookOver':
      return info(`pool ${event.pool} has taken over from ${event.program}, which gets nothing new`);
    case 'logsReopened':
      return info('logs reopened');
    case 'controlRestored':
      return warn(`the control socket ${event.control} was gone: it is there again`);
    case 'blind':
      return error(
        `the supervisor can open no more files (it may have ${event.fileLimit}, and the machine a limit of its own, fs.file-max): nothing is looked at and nothing is decided until it can; the workers continue`,
      );
    case 'sighted':
      return warn('the supervisor can open files again: it continues');
    case 'problem':
      return error(event.text);
    case 'listening':
      return info(`pool ${event.pool} listens on ${event.address}`);
    case 'socketLost':
      return error(`pool ${event.pool}: ${event.reason}`);
    case 'socketBack':
      return info(`pool ${event.pool}: clients find its socket again`);
    case 'poolRunning':
      return info(`pool ${event.pool} is running, ${count(event.workers, 'worker')}`);
    case 'addressLost': {
      const { pool, message, isServing } = event;
      return isServing
        ? error(
            `pool ${pool}: the present workers continue, but no other can be started: ${message}; \`fpm-ts reload ${pool}\` tries again`,
          )
        : error(
            `pool ${pool} cannot listen any more and is stopped: ${message}; \`fpm-ts start ${pool}\` tries again`,
          );
    }
    case 'poolFailed':
      return error(`pool ${event.pool} failed: ${event.reason}`);
    case 'poolStopped':
      return info(`pool ${event.pool} is stopped`);
    case 'spawned':
      return debug(`pool ${event.pool}: worker ${event.pid} of generation ${event.generation} started`);
    case 'spawnFailed':
      return error(`pool ${event.pool}: no worker could be started: ${event.message}`);
    case 'workerReady':
      return debug(`pool ${event.pool}: worker ${event.pid} ready after ${event.afterMs} ms`);
    case 'startTimedOut':
      return error(
        `pool ${event.pool}: worker ${event.pid} did not accept on its listener within start_timeout (${event.timeoutMs} ms), killed`,
      );
    case 'outOfTime':
      return warn(
        `pool ${event.pool}: worker ${event.pid} was to leave and was not free within ${event.timeoutMs} ms (process_control_timeout): it is told to stop, and killed a second later; what it has in hand may be cut`,
      );
    case 'cut':
      return warn(
        `pool ${event.pool}: worker ${event.pid} was still busy ${event.timeoutMs} ms after its stop signal (process_control_timeout), killed; the request in hand was cut`,
      );
    case 'exited':
      return describeExit(event);
    case 'crashStorm':
      return error(
        `pool ${event.pool}: ${event.crashes} workers crashed within ${seconds(event.withinMs)}, the last with ${event.signal}: new ones are backed off, other pools are not touched; further crashes are counted and told at the end`,
      );
    case 'crashStormOver':
      return warn(
        `pool ${event.pool}: no more crashes; ${count(event.crashes, 'worker')} crashed in ${seconds(event.forMs)}`,
      );
    case 'backingOff':
      return warn(
        `pool ${event.pool}: workers died young ${event.attempts} times in a row; next try in ${event.delayMs} ms`,
      );
    case 'maxChildrenReached':
      return warn(
        `pool ${event.pool} is at pm.max_children (${event.maxChildren}): ${describeLack(event)}; consider raising it`,
      );
    case 'queueFull':
      return warn(
        `pool ${event.pool}: its listen queue is full (${event.waiting} wait, the limit is ${event.limit}), so the kernel turns connections away: raise pm.max_children, or listen.backlog (the kernel caps it at net.core.somaxconn)`,
      );
    case 'memoryShort':
      return warn(`pool ${event.pool} gets no more workers than its minimum: ${event.reason}`);
    case 'scaled':
      return info(`pool ${event.pool}: scaled to ${count(event.size, 'worker')} until the next reload`);
    case 'paused':
      return info(`pool ${event.pool}: paused with ${count(event.size, 'worker')}`);
    case 'resumed':
      return info(`pool ${event.pool}: resumed, its number of workers follows its load`);
    case 'slowRequest':
      return warn(
        `pool ${event.pool}: worker ${event.pid} has a slow request (request_slowlog_timeout ${seconds(event.timeoutMs)}): ${requestText(event)}${event.stack === null ? '' : `; in the kernel: ${event.stack.join(', ')}`}`,
      );
    case 'requestTimedOut':
      return warn(
        `pool ${event.pool}: worker ${event.pid} ${event.ends === 'killed' ? 'is killed' : 'is to leave when its other requests are done'}, its request took too long (request_terminate_timeout ${seconds(event.timeoutMs)}): ${requestText(event)}`,
      );
    case 'recycling':
      return info(`pool ${event.pool}: worker ${event.pid} is replaced: ${event.reason}`);
    case 'rolling':
      return info(`pool ${event.pool}: starting generation ${event.generation}`);
    case 'rolled':
      return info(`pool ${event.pool}: generation ${event.generation} serves`);
    case 'rollCancelled':
      return error(
        `pool ${event.pool}: the new workers did not come up, the old ones continue: ${event.reason}`,
      );
  }
}

function describeLack({
  maxChildren,
  needed,
  spare,
}: Extract<Event, { type: 'maxChildrenReached' }>): string {
  return needed > maxChildren
    ? `its connections need ${count(needed, 'worker')} (and ${spare} to spare), and those that find none free wait`
    : `its connections need ${count(needed, 'worker')}, and there should be ${spare} to spare`;
}

function describeExit(event: Extract<Event, { type: 'exited' }>): { level: Level; text: string } {
  const how = `pool ${event.pool}: worker ${event.pid} ended with ${exitText(event.exit)} after ${seconds(event.uptimeMs)}`;
  if (!isUnexpected(event.reason)) return info(`${how} (${event.reason})`);
  if (event.reason !== 'ended') return warn(`${how} (${event.reason})`);
  if (event.inStorm) return info(`${how}; counted with the other crashes`);
  if (event.memory !== null) return warn(`${how}; perhaps out of memory: ${event.memory}`);
  return event.exit.code === 0 ? info(`${how}, by itself`) : warn(how);
}

function requestText(facts: RequestFacts): string {
  const { pid, process, requestMs, connectionMs, blockedIn, cpuMs, cpuOverMs } = facts;
  const who = process === pid ? '' : ` by its process ${process}`;
  return `it has run for ${seconds(requestMs)}${who}, the connection is ${seconds(connectionMs)} old; blocked in: ${blockedIn}; CPU: ${seconds(cpuMs)} in the last ${seconds(cpuOverMs)}`;
}

function isUnexpected(reason: LeaveReason): boolean {
  return reason === 'ended' || reason === 'startTimeout';
}

/** `code 1` or `SIGSEGV`. */
export function exitText(exit: Exit): string {
  if (exit.code === null && exit.signal === null) return 'a status that only an earlier keeper was told';
  return exit.signal ?? `code ${exit.code}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 3 : 0)} s`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

const debug = (text: string): { level: Level; text: string } => ({ level: 'debug', text });
const info = (text: string): { level: Level; text: string } => ({ level: 'info', text });
const warn = (text: string): { level: Level; text: string } => ({ level: 'warn', text });
const error = (text: string): { level: Level; text: string } => ({ level: 'error', text });
