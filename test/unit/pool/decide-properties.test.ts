/** What must hold for every decision of a static pool, whatever comes in, and over time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide, type Memory } from '../../../src/pool/decide.ts';
import { afterDeath, NO_FAILURES, type RestartMemory } from '../../../src/pool/restart-limit.ts';
import { NOW_MS, POLICY, QUIET, workers } from './situations.ts';

const anyRestart: fc.Arbitrary<RestartMemory> = fc.record({
  failedAttempts: fc.nat({ max: 20 }),
  countedAtMs: fc.nat({ max: 2 * NOW_MS }),
  notBeforeMs: fc.nat({ max: 2 * NOW_MS }),
});

const anySituation = fc.record({
  ready: fc.nat({ max: 40 }),
  starting: fc.nat({ max: 40 }),
  spawning: fc.nat({ max: 40 }),
  allowance: fc.oneof(fc.nat({ max: 80 }), fc.constant(Number.POSITIVE_INFINITY)),
  next: fc.option(fc.record({ size: fc.nat({ max: 40 }), requested: fc.nat({ max: 60 }) })),
  size: fc.nat({ max: 60 }),
  maxSpawnRate: fc.integer({ min: 1, max: 256 }),
  spawnTokens: fc.double({ min: 0, max: 256, noNaN: true }),
  restart: anyRestart,
});

void test('never above size, allowance or rate; never spawn and retire in one decision', () => {
  fc.assert(
    fc.property(anySituation, it => {
      const all = [
        ...workers(it.ready),
        ...workers(it.starting, false).map(w => ({ ...w, pid: w.pid + 1000 })),
      ];
      const { actions, memory } = decide(
        { ...QUIET, workers: all, spawning: it.spawning, allowance: it.allowance, nextGeneration: it.next },
        { mode: 'static', size: it.size, maxSpawnRate: it.maxSpawnRate },
        { restart: it.restart, spawnTokens: it.spawnTokens, tokensAtMs: NOW_MS },
      );
      const present = all.length + it.spawning;
      const spawns = actions.flatMap(action => (action.type === 'spawn' ? [action] : []));
      const retired = actions.flatMap(action => (action.type === 'retire' ? [action.pid] : []));
      const spawned = spawns.reduce((sum, { count }) => sum + count, 0);
      assert.ok(spawns.length === 0 || retired.length === 0, 'both in one decision');
      assert.ok(spawned <= it.allowance && spawned <= it.spawnTokens, `${spawned} spawned`);
      assert.ok(memory.spawnTokens >= 0);
      for (const { count, generation } of spawns) {
        assert.ok(count > 0 && Number.isInteger(count));
        if (generation === 'serving') assert.ok(present + count <= it.size);
        else assert.ok((it.next?.requested ?? 0) + count <= (it.next?.size ?? 0));
      }
      assert.equal(new Set(retired).size, retired.length);
      assert.ok(retired.every(pid => all.some(worker => worker.pid === pid)));
      assert.ok(retired.length <= Math.max(0, present - it.size), 'never below its size');
    }),
  );
});

void test('constant load converges: the size is reached within the time that the rate allows, then all is quiet', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 60 }),
      fc.nat({ max: 60 }),
      fc.integer({ min: 1, max: 256 }),
      (size, before, maxSpawnRate) => {
        let present = [...workers(before)];
        let memory: Memory = { restart: NO_FAILURES, spawnTokens: maxSpawnRate, tokensAtMs: NOW_MS };
        let lastActionMs = NOW_MS;
        let nextPid = 5000;
        // A tenth more: tokens are counted in fractions, and one may come a tick late.
        const endMs = NOW_MS + 2000 + Math.ceil(size / maxSpawnRate) * 1100;
        for (let nowMs = NOW_MS; nowMs <= endMs + 1000; nowMs += 100) {
          const decision = decide(
            { ...QUIET, nowMs, workers: present },
            { mode: 'static', size, maxSpawnRate },
            memory,
          );
          memory = decision.memory;
          if (decision.actions.length > 0) lastActionMs = nowMs;
          for (const action of decision.actions) {
            if (action.type === 'retire') present = present.filter(({ pid }) => pid !== action.pid);
            else
              for (let i = 0; i < action.count; i++)
                present.push({ pid: nextPid++, isReady: true, startedAtMs: nowMs });
          }
        }
        assert.equal(present.length, size);
        assert.ok(lastActionMs <= endMs);
      },
    ),
  );
});

void test('a command that always dies: ever fewer attempts, one worker each', () => {
  let memory: Memory = { restart: NO_FAILURES, spawnTokens: 128, tokensAtMs: NOW_MS };
  const attempts: { atMs: number; count: number }[] = [];
  for (let nowMs = NOW_MS; nowMs < NOW_MS + 120_000; nowMs += 20) {
    const { actions, memory: next } = decide({ ...QUIET, nowMs }, { ...POLICY, size: 20 }, memory);
    memory = next;
    for (const action of actions) {
      if (action.type !== 'spawn') continue;
      attempts.push({ atMs: nowMs - NOW_MS, count: action.count });
      // All of them die at once, each death is noticed by itself.
      for (let i = 0; i < action.count; i++)
        memory = { ...memory, restart: afterDeath(memory.restart, nowMs, false, nowMs + 5) };
    }
  }
  assert.equal(attempts[0]?.count, 20);
  assert.ok(attempts.slice(1).every(({ count }) => count === 1));
  assert.ok(attempts.length <= 14, `${attempts.length} attempts in two minutes`);
  const gaps = attempts.slice(1).map(({ atMs }, index) => atMs - (attempts[index]?.atMs ?? 0));
  assert.ok(
    gaps.every((gap, index) => index === 0 || gap >= (gaps[index - 1] ?? 0)),
    gaps.join(' '),
  );
});
