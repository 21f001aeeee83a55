/** Who runs, who waits, who is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Admission, type AdmissionLimits } from '../../../../src/responders/cgi/admission.ts';

function admission(limits: Partial<AdmissionLimits>): Admission<string> {
  return new Admission({ maxScripts: 2, maxPerScript: 0, maxQueue: 2, ...limits });
}

void test('as many as are allowed run, some wait in their order, the rest is refused', () => {
  const places = admission({});
  const said = ['a', 'b', 'c', 'd', 'e'].map(who => places.enter('script', who));
  assert.deepEqual(said, ['runs', 'runs', 'waits', 'waits', 'refused']);
  assert.equal(places.leave('script'), 'c');
  assert.equal(places.enter('script', 'f'), 'waits');
  assert.equal(places.leave('script'), 'd');
  assert.equal(places.leave('script'), 'f');
  assert.equal(places.leave('script'), undefined);
});

void test('who goes away is not called', () => {
  const places = admission({ maxScripts: 1 });
  places.enter('script', 'a');
  places.enter('script', 'b');
  places.enter('script', 'c');
  assert.equal(places.withdraw('b'), true);
  assert.equal(places.withdraw('b'), false);
  assert.equal(places.leave('script'), 'c');
});

void test('one script has its own limit, and holds up no other', () => {
  const places = admission({ maxScripts: 3, maxPerScript: 1, maxQueue: 5 });
  assert.equal(places.enter('slow', 'a'), 'runs');
  assert.equal(places.enter('slow', 'b'), 'waits');
  assert.equal(places.enter('quick', 'c'), 'runs');
  assert.equal(places.enter('slow', 'd'), 'waits');
  assert.equal(places.leave('quick'), undefined, 'a place for all, and none for the slow one');
  assert.equal(places.leave('slow'), 'b');
});

void test('a place that one script may not take goes to the next in the queue that may', () => {
  const places = admission({ maxScripts: 2, maxPerScript: 1, maxQueue: 5 });
  places.enter('a', 'a1');
  places.enter('b', 'b1');
  places.enter('a', 'a2');
  places.enter('c', 'c1');
  assert.equal(places.leave('b'), 'c1');
  assert.equal(places.leave('a'), 'a2');
});

void test('0 is no limit; a queue of 0 refuses whoever would wait', () => {
  const places = admission({ maxScripts: 0, maxQueue: 0 });
  for (let at = 0; at < 1000; at++) assert.equal(places.enter('script', String(at)), 'runs');
  assert.equal(admission({ maxScripts: 1, maxQueue: 0 }).enter('x', 'a'), 'runs');
  const full = admission({ maxScripts: 1, maxQueue: 0 });
  full.enter('x', 'a');
  assert.equal(full.enter('x', 'b'), 'refused');
});

void test('whatever happens: limits hold, nobody is lost, and nobody waits beside a free place', () => {
  const limits = fc.record({
    maxScripts: fc.nat({ max: 4 }),
    maxPerScript: fc.nat({ max: 3 }),
    maxQueue: fc.nat({ max: 5 }),
  });
  const step = fc.oneof(
    fc.record({ type: fc.constant('enter'), key: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ type: fc.constant('leave'), key: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ type: fc.constant('withdraw'), key: fc.constantFrom('a', 'b', 'c') }),
  );
  fc.assert(
    fc.property(
      limits,
      fc.array(step, { maxLength: 60 }),
      ({ maxScripts, maxPerScript, maxQueue }, steps) => {
        const places = new Admission<{ key: string }>({ maxScripts, maxPerScript, maxQueue });
        const running: { key: string }[] = [];
        const waiting: { key: string }[] = [];
        const mayRun = (key: string): boolean =>
          (maxScripts === 0 || running.length < maxScripts) &&
          (maxPerScript === 0 || running.filter(it => it.key === key).length < maxPerScript);
        for (const { type, key } of steps) {
          if (type === 'enter') {
            const who = { key };
            const admitted = places.enter(key, who);
            assert.equal(admitted, mayRun(key) ? 'runs' : waiting.length < maxQueue ? 'waits' : 'refused');
            if (admitted === 'runs') running.push(who);
            if (admitted === 'waits') waiting.push(who);
          } else if (type === 'leave') {
            const at = running.findIndex(it => it.key === key);
            if (at < 0) continue;
            running.splice(at, 1);
            const next = places.leave(key);
            assert.equal(
              next,
              waiting.find(it => mayRun(it.key)),
            );
            if (next === undefined) continue;
            waiting.splice(waiting.indexOf(next), 1);
            running.push(next);
          } else {
            const [who] = waiting.filter(it => it.key === key);
            if (who === undefined) continue;
            assert.equal(places.withdraw(who), true);
            waiting.splice(waiting.indexOf(who), 1);
          }
          assert.deepEqual([places.running, places.waiting], [running.length, waiting.length]);
          assert.ok(!waiting.some(it => mayRun(it.key)));
        }
      },
    ),
  );
});

void test('as many as may wait need not enter before they bring a body', () => {
  const places = admission({ maxQueue: 2 });
  assert.deepEqual([places.defer(), places.defer(), places.defer()], [true, true, false]);
  places.decide();
  assert.equal(places.defer(), true);
  assert.equal(admission({ maxQueue: 0 }).defer(), false);
});
