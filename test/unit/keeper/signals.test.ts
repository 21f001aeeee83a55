/** What npm does to Ctrl-C; the terminal is in test/integration/terminal.test.ts. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Signals } from '../../../src/keeper/signals.ts';

const before = process.env.npm_lifecycle_event;

afterEach(() => {
  if (before === undefined) delete process.env.npm_lifecycle_event;
  else process.env.npm_lifecycle_event = before;
});

function acted(...signals: NodeJS.Signals[]): NodeJS.Signals[] {
  const meant: NodeJS.Signals[] = [];
  const incoming = new Signals(signal => meant.push(signal));
  for (const signal of signals) incoming.came(signal);
  return meant;
}

void test('under npm, Ctrl-C comes twice and is one; other signals are not passed on twice', () => {
  process.env.npm_lifecycle_event = 'start';
  assert.deepEqual(acted('SIGINT', 'SIGINT'), ['SIGINT']);
  assert.deepEqual(acted('SIGTERM', 'SIGTERM', 'SIGINT'), ['SIGTERM', 'SIGTERM', 'SIGINT']);
});

void test('elsewhere a second one is a second one', () => {
  delete process.env.npm_lifecycle_event;
  assert.deepEqual(acted('SIGINT', 'SIGINT'), ['SIGINT', 'SIGINT']);
});
