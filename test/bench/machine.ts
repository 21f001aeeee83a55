/** On what the numbers were measured: without that they mean nothing. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const date = new Date().toISOString().slice(0, 10);
  const gigabytes = Math.round(totalmem() / 1e9);
  return [
    `${date}, ${processors.length} cores (${model}), ${gigabytes} GB, Linux ${release()}, Node ${process.version}`,
    `load ${loadavg()
      .map(value => value.toFixed(1))
      .join(' ')}, autogroup ${autogroup()}`,
  ].join('\n');
}

/** Whether the scheduler gives each session the same share (sched(7)); a cgroup of one's own overrides it. */
function autogroup(): string {
  try {
    return readFileSync('/proc/sys/kernel/sched_autogroup_enabled', 'latin1').trim() === '1' ? 'on' : 'off';
  } catch {
    return 'not built in';
  }
}
