/**
 * What is true of a daemon whose supervisor died in the middle of something, when its successor has settled: nothing
 * half, nothing frozen, nothing counted twice. Each claim that does not hold is a sentence.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { IN_LISTEN } from '../../src/os/socket-rows.ts';
import { tcpSockets } from '../../src/os/socket-tables.ts';
import type { Mortal } from './mortal.ts';
import { descendants } from './processes.ts';
import type { PoolStatus, Status } from './status.ts';

/** Nothing is under way any more. */
export function isSettled(status: Status): boolean {
  return status.state === 'running' && status.pools.every(isPoolSettled);
}

function isPoolSettled({ state, workers, processes }: PoolStatus): boolean {
  const isStill = workers.starting === 0 && workers.stopping === 0;
  const generations = new Set(processes.map(({ generation }) => generation));
  return (state === 'running' || state === 'stopped') && isStill && generations.size <= 1;
}

/** @param ports at which one socket each should listen */
export function contradictions(mortal: Mortal, status: Status, ports: readonly number[]): string[] {
  const { daemon } = mortal;
  const complaints: string[] = [];
  const say = (text: string): void => void complaints.push(text);
  const stopped = descendants(daemon.pid).filter(({ state }) => state === 'T' || state === 't');
  if (stopped.length > 0) say(`${stopped.map(({ pid }) => pid).join(', ')} stay frozen`);
  for (const pool of status.pools) {
    const { name, counters, processes } = pool;
    const ever = mortal.workers(name).size;
    const { spawned, exited, crashed } = counters;
    if (spawned !== ever) say(`${name}: ${spawned} spawned are counted, there were ${ever}`);
    if (exited !== ever - processes.length)
      say(`${name}: ${exited} exits are counted, there were ${ever - processes.length}`);
    if (crashed !== 0) say(`${name}: ${crashed} crashes are counted, there was none`);
    const marks = new Set(processes.map(({ pid }) => markOf(pid)));
    if (marks.size > 1) say(`${name}: workers of several configurations: ${[...marks].join(', ')}`);
  }
  const workers = status.pools.flatMap(({ processes }) => processes.map(({ pid }) => pid));
  const others = descendants(daemon.pid).filter(
    ({ pid, parent }) => parent === daemon.pid && !workers.includes(pid) && !isSupervisor(pid),
  );
  if (others.length > 0)
    say(
      `the keeper has children that status does not know: ${others.map(it => `${it.pid} ${it.name} ${it.state}`).join(', ')}`,
    );
  const wanted = status.pools
    .filter(({ state, listen }) => state === 'running' && listen.address.startsWith('/'))
    .map(({ listen }) => listen.address);
  const sockets = readdirSync(daemon.runDir, { withFileTypes: true })
    .filter(entry => entry.isSocket())
    .map(entry => `${daemon.runDir}/${entry.name}`);
  const expected = [daemon.controlSocket, ...wanted].sort().join(' ');
  if (sockets.sort().join(' ') !== expected) say(`sockets: ${sockets.join(' ')} instead of ${expected}`);
  for (const port of ports) {
    const listening = listenersOn(port);
    const isServed = status.pools.some(
      ({ state, listen }) => state === 'running' && listen.address.endsWith(`:${port}`),
    );
    if (listening !== (isServed ? 1 : 0)) say(`${listening} sockets listen on port ${port}`);
  }
  return complaints;
}

/** The settings with which a worker was started, as its environment tells. */
export function markOf(pid: number): string {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return environment.find(line => line.startsWith('MARK='))?.slice(5) ?? 'none';
  } catch {
    return 'gone';
  }
}

function isSupervisor(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes('supervisor');
  } catch {
    return true; // it has ended
  }
}

function listenersOn(port: number): number {
  let count = 0;
  tcpSockets(4, IN_LISTEN, [port], () => {
    count++;
  });
  return count;
}
