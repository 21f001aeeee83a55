/** A line on the terminal that tells how far a reload is, while it is waited for. */
import type { Status } from '../observe/status.ts';
import { oneLine } from '../printable.ts';
import { callSupervisor, type GlobalOptions } from './context.ts';
import { clear, write } from './output.ts';

const LOOK_EVERY_MS = 250;

/** Waits for the work. On a terminal, when nobody wants JSON, it shows what goes on meanwhile. */
export async function withProgress<T>(options: GlobalOptions, work: Promise<T>): Promise<T> {
  if (options.json === true || !process.stderr.isTTY) return await work;
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  over.catch(() => {}); // whoever waits for `work` is told
  let shown = '';
  while (!isOver) {
    await Promise.race([
      over.catch(() => {}),
      new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS).unref()),
    ]);
    if (isOver) break;
    // What cannot be asked now is not shown; the work itself says what is wrong.
    const status = await callSupervisor(options, 'status', { processes: 'no' }).catch(() => null);
    if (status === null) continue;
    shown = progressText(status);
    clear('stderr', 'line');
    write('stderr', oneLine(shown).slice(0, (process.stderr.columns ?? 80) - 1));
  }
  if (shown !== '') clear('stderr', 'line');
  return await over;
}

/** `reloading: www 3 of 8 new workers are ready; api 2 old workers finish what they have in hand`. */
export function progressText({ pools }: Status): string {
  const parts = pools.flatMap(({ name, reload, workers }) => {
    if (reload !== null) return [`${name} ${reload.ready} of ${reload.size} new workers are ready`];
    return workers.stopping !== null && workers.stopping > 0
      ? [`${name} ${workers.stopping} old workers finish what they have in hand`]
      : [];
  });
  return parts.length === 0 ? 'reloading' : `reloading: ${parts.join('; ')}`;
}
