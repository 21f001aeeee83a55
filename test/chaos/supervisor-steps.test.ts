/** The supervisor is killed at every named step of what it does, under load: nobody who sends requests notices. */
import assert from 'node:assert/strict';
import { type DeathField, type Operation, openDeathField } from '../lib/death-field.ts';
import { contradictions, isSettled } from '../lib/death-walk.ts';
import type { Step } from '../lib/mortal.ts';
import { until } from '../lib/poll.ts';
import type { Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

/** Until nothing is under way and nothing is wrong; what is still wrong then is told. */
async function settled(
  field: DeathField,
  isMeant: (status: Status) => boolean = () => true,
): Promise<Status> {
  const { mortal, ports } = field;
  let wrong: readonly string[] = [];
  return await until(
    async () => {
      const status = await mortal.daemon.status().catch(() => undefined);
      if (status === undefined || !isMeant(status)) return undefined;
      wrong = [
        ...(isSettled(status) ? [] : [JSON.stringify(status)]),
        ...contradictions(mortal, status, ports),
      ];
      return wrong.length === 0 ? status : undefined;
    },
    { what: 'a daemon in order', deadlineMs: 30_000, explain: () => wrong.join('\n') },
  );
}

/** When nothing has been asked of the keeper for so long, nothing is under way. */
const QUIET_MS = 400;

/** Until the operation is over, or `isOver` says that it need not be waited for. */
async function quiet(field: DeathField, isOver: () => boolean = () => false): Promise<void> {
  let asked = -1;
  let sinceMs = 0;
  await until(
    () => {
      const { length } = field.mortal.trace();
      if (length !== asked) sinceMs = performance.now();
      asked = length;
      return isOver() || performance.now() - sinceMs >= QUIET_MS;
    },
    { what: 'the operation to be over' },
  );
}

/** What is asked of the keeper in an operation, each kind with how often. */
async function record(field: DeathField, operation: Operation): Promise<Map<string, number>> {
  await operation.prepare();
  await settled(field);
  const from = field.mortal.trace().length;
  await operation.run();
  await quiet(field);
  await settled(field);
  const counts = new Map<string, number>();
  for (const name of field.mortal.trace().slice(from)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

async function dieAt(field: DeathField, operation: Operation, step: Step): Promise<boolean> {
  const { mortal } = field;
  await operation.prepare();
  const { supervisor_pid: victim } = await settled(field);
  mortal.plan(step);
  await operation.run();
  await quiet(field, () => mortal.isFired());
  const isFired = mortal.isFired();
  mortal.forget();
  await settled(field, status => !isFired || status.supervisor_pid !== victim);
  return isFired;
}

/** Every step of every operation, which takes an hour: FPM_TS_DEATH_WALK=whole; or of one, FPM_TS_DEATH_WALK=reload. */
const walk = process.env.FPM_TS_DEATH_WALK;

suite('chaos/supervisor-steps', { needs: ['gcc', 'libfcgi'], timeoutMs: 7_200_000 }, async scope => {
  const field = await openDeathField(scope);
  for (const operation of field.operations) {
    if (walk !== undefined && walk !== 'whole' && walk !== operation.name) continue;
    for (const step of walk === undefined ? operation.steps : everyStep(await record(field, operation))) {
      const { request, skip, when } = step;
      await scope.test(`${operation.name}: killed ${when} ${request}, number ${skip + 1}`, async () => {
        assert.ok((await dieAt(field, operation, step)) || walk !== undefined, 'it did not come to that');
        assert.deepEqual(field.failures(), []);
      });
    }
  }
});

function everyStep(counts: ReadonlyMap<string, number>): Step[] {
  return [...counts].flatMap(([request, count]) =>
    Array.from({ length: count }, (_, skip) => skip).flatMap(skip => [
      { request, skip, when: 'before' as const },
      { request, skip, when: 'after' as const },
    ]),
  );
}
