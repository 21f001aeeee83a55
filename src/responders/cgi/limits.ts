/** What the kernel holds a script to, by prlimit(1) in front of its command. */
import { helperProgram } from '../../os/programs.ts';
import type { CgiSettings } from './settings.ts';

export type LimitSettings = Pick<CgiSettings, 'maxCpuSeconds' | 'maxMemoryBytes' | 'maxFileBytes'>;

/**
 * The words that go in front of each command; none where nothing is limited. prlimit(1) executes the next, so the pid
 * stays, and there is no moment in which the script runs without its limits.
 */
export function limitPrefix(settings: LimitSettings): readonly Buffer[] {
  const { maxCpuSeconds, maxMemoryBytes, maxFileBytes } = settings;
  const options = [
    // SIGXCPU at the first, which tells what happened, SIGKILL at the second.
    ...(maxCpuSeconds > 0 ? [`--cpu=${maxCpuSeconds}:${maxCpuSeconds + 1}`] : []),
    ...(maxMemoryBytes > 0 ? [`--as=${maxMemoryBytes}`] : []),
    ...(maxFileBytes > 0 ? [`--fsize=${maxFileBytes}`] : []),
  ];
  if (options.length === 0) return [];
  return [helperProgram('prlimit'), ...options, '--'].map(word => Buffer.from(word));
}
