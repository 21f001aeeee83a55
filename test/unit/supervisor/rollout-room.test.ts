/** Room for rollouts: so many at a time, and those that only wait hold up nobody. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { RolloutRoom } from '../../../src/supervisor/rollout-room.ts';
import type { Supervisor } from '../../../src/supervisor/supervisor.ts';
import { FakeClock } from './model/fake-clock.ts';

const SIDE_BY_SIDE = 8 * availableParallelism();

const admin = (): boolean => false;
const user = (): boolean => true;

function roomFor(workers: number): { room: RolloutRoom; clock: FakeClock; entered: (() => void)[] } {
  const clock = new FakeClock();
  const supervisor = { ports: { clock }, hasRoomFor: (wanted: number) => wanted <= workers };
  return { room: new RolloutRoom(supervisor as unknown as Supervisor), clock, entered: [] };
}

void test('so many side by side; the next one enters when one has left', async () => {
  const { room, clock, entered } = roomFor(1000);
  for (let i = 0; i <= SIDE_BY_SIDE; i++) void room.enter(() => 1, admin).then(leave => entered.push(leave));
  await clock.pass(0);
  assert.equal(entered.length, SIDE_BY_SIDE);
  entered[0]?.();
  await clock.pass(0);
  assert.equal(entered.length, SIDE_BY_SIDE + 1);
});

void test('one that finds no room waits, and never for nobody', async () => {
  const { room, clock, entered } = roomFor(3);
  for (const workers of [5, 2, 2]) void room.enter(() => workers, admin).then(leave => entered.push(leave));
  await clock.pass(0);
  assert.equal(entered.length, 1, 'the first one enters although it does not fit');
  entered[0]?.();
  await clock.pass(0);
  assert.equal(entered.length, 2);
  entered[1]?.();
  entered[1]?.(); // twice is once
  await clock.pass(0);
  assert.equal(entered.length, 3);
});

void test('however many never come up, others enter a few seconds later', async () => {
  const { room, clock, entered } = roomFor(1000);
  for (let i = 0; i < SIDE_BY_SIDE; i++) void room.enter(() => 1, admin).then(leave => entered.push(leave));
  void room.enter(() => 1, admin).then(leave => entered.push(leave));
  await clock.pass(5000);
  assert.equal(entered.length, SIDE_BY_SIDE + 1);
});

void test('users of pools leave room for administrators, who pass before them', async () => {
  const { room, clock, entered } = roomFor(1000);
  for (let i = 0; i <= SIDE_BY_SIDE; i++) void room.enter(() => 1, user).then(leave => entered.push(leave));
  await clock.pass(0);
  assert.equal(entered.length, SIDE_BY_SIDE / 2);
  const administrators: (() => void)[] = [];
  for (let i = 0; i <= SIDE_BY_SIDE / 2; i++)
    void room.enter(() => 1, admin).then(leave => administrators.push(leave));
  await clock.pass(0);
  assert.equal(administrators.length, SIDE_BY_SIDE / 2, 'all places are taken');
  entered[0]?.();
  await clock.pass(0);
  assert.deepEqual([administrators.length, entered.length], [SIDE_BY_SIDE / 2 + 1, SIDE_BY_SIDE / 2]);
});
