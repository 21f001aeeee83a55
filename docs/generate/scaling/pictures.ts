/** The pictures of docs/scaling.md. */
import { drawPlot, type Plot, type Point } from './plot.ts';
import { bursts, CRASH, type Demand, ourStarts, ours, phpFpm, phpFpmStarts, ramp, step } from './scenes.ts';

const BEAT_MS = 100;

/** File in docs/ and what makes its text. */
export const PICTURES: Readonly<Record<string, () => string>> = {
  'scaling-step.svg': () =>
    workersAgainst('Workers for a demand that jumps from 1 to 30 connections and back', step, 70_000),
  'scaling-ramp.svg': () =>
    workersAgainst('Workers for a demand that rises to 30 connections and falls again', ramp, 100_000),
  'scaling-bursts.svg': () =>
    workersAgainst('Workers for a burst of 24 connections every 6 seconds', bursts, 60_000),
  'scaling-crash-loop.svg': crashLoop,
};

function workersAgainst(title: string, demand: Demand, durationMs: number): string {
  const plot: Plot = {
    title,
    unit: 'workers',
    scale: 'linear',
    lines: [
      { name: 'connections', look: 'demand', points: sampled(demand, durationMs) },
      { name: 'php-fpm’s rule', look: 'peer', points: phpFpm(demand, durationMs) },
      { name: 'fpm-ts', look: 'ours', points: ours(demand, durationMs) },
    ],
  };
  return drawPlot(plot);
}

function sampled(demand: Demand, durationMs: number): Point[] {
  return Array.from({ length: durationMs / BEAT_MS + 1 }, (_, index) => [
    (index * BEAT_MS) / 1000,
    demand(index * BEAT_MS),
  ]);
}

function crashLoop(): string {
  return drawPlot({
    title: 'Workers started so far, while every worker of the pool dies 30 ms after its start for 30 seconds',
    unit: 'workers started so far',
    scale: 'logarithmic',
    lines: [
      { name: 'the command is broken', look: 'demand', points: sampled(broken, 60_000) },
      { name: 'php-fpm’s rule', look: 'peer', points: thinned(phpFpmStarts(60_000)) },
      { name: 'fpm-ts', look: 'ours', points: ourStarts(60_000) },
    ],
  });
}

/** As high as the picture. */
function broken(atMs: number): number {
  return atMs >= CRASH.fromMs && atMs < CRASH.untilMs ? 10_000 : 0;
}

/** Thousands of steps look like a curve: a few of them draw it as well. */
function thinned(points: readonly Point[]): Point[] {
  return points.filter((_, index) => index % 20 === 0);
}
