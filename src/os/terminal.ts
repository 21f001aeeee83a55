/** The controlling terminal of this process (credentials(7), proc(5)). */
import { isatty } from 'node:tty';
import { read } from './proc.ts';

/** Whether there is one now: when it hangs up, or its session ends, every process of the session loses it. */
export function hasTerminal(): boolean {
  return terminalFields().terminal !== 0;
}

/** Somebody sits in front of us: we are in the foreground, and our standard streams were not all led elsewhere, as nohup(1) does. */
export function isInForeground(): boolean {
  const { terminal, group, foreground } = terminalFields();
  return terminal !== 0 && group === foreground && [0, 1, 2].some(isatty);
}

function terminalFields(): {
  readonly group: number;
  readonly terminal: number;
  readonly foreground: number;
} {
  const text = read('/proc/self/stat') ?? '';
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' '); // the first is field 3
  return { group: Number(fields[2]), terminal: Number(fields[4]), foreground: Number(fields[5]) };
}
