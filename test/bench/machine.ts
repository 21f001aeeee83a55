/** On what the numbers were measured: without that they mean nothing. */
import { cpus, release, totalmem } from 'node:os';

export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const date = new Date().toISOString().slice(0, 10);
  const gigabytes = Math.round(totalmem() / 1e9);
  return `${date}, ${processors.length} cores (${model}), ${gigabytes} GB, Linux ${release()}, Node ${process.version}`;
}
