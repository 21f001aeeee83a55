/** Lines of several logs as one sequence. A line without a time stays behind the one that it follows. */
import { logLine } from './log-line.ts';

export function byTime(logs: readonly (readonly string[])[]): readonly string[] {
  const [only] = logs;
  if (logs.length === 1 && only !== undefined) return only;
  const timed = logs.flatMap(lines => {
    let timeMs = 0;
    return lines.map(line => {
      timeMs = logLine(line).timeMs ?? timeMs;
      return { line, timeMs };
    });
  });
  return timed.sort((a, b) => a.timeMs - b.timeMs).map(({ line }) => line);
}
