/** A command over the control socket of which a test must know that the supervisor has it, and has not finished it. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Daemon } from './daemon.ts';
import { until } from './poll.ts';

export interface CommandUnderWay {
  /** Waits for the answer; fails when none comes. */
  answer(): Promise<{ readonly status: number; readonly text: string }>;
}

/** Posts a command; resolves when the supervisor has shown (102 Processing) that it is under way. */
export async function beginCommand(daemon: Daemon, name: string, args: object): Promise<CommandUnderWay> {
  const body = JSON.stringify(args);
  const outgoing = request({
    socketPath: daemon.controlSocket,
    method: 'POST',
    path: `/v1/${name}`,
    agent: false,
    headers: { 'content-length': Buffer.byteLength(body) },
  });
  let answer: { readonly status: number; readonly text: string } | undefined;
  outgoing.on('response', (incoming: IncomingMessage) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      answer = { status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
    });
  });
  outgoing.end(body);
  const early = once(outgoing, 'response').then(() => {
    throw new Error(`${name} ${body} was answered at once`);
  });
  early.catch(() => {}); // it is answered in the end
  await Promise.race([once(outgoing, 'information'), early]);
  return {
    answer: () => until(() => answer, { what: `the answer to ${name} ${body}`, deadlineMs: 20_000 }),
  };
}
