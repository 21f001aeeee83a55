/** A service manager's end of sd_notify(3): a datagram socket that keeps what it was told, and by whom. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { FIXTURES } from './paths.ts';
import { openInner, type Place } from './place.ts';
import { until } from './poll.ts';
import { startProcess } from './server.ts';

export interface Message {
  /** As the kernel says it. */
  readonly pid: number;
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface Notified {
  /** What NOTIFY_SOCKET is to be. */
  readonly socket: string;
  /** Of the receiver. */
  readonly pid: number;
  messages(): Message[];
  /** Those that say more than a status, or that they live. */
  phases(): Message[];
  /** Waits for a message, of those after the first `from`. */
  when(what: string, seen: (message: Message) => boolean, from?: number): Promise<Message>;
}

/** @param socket a path, or an abstract name with "@" in front */
export async function startNotified(place: Place, socket: string): Promise<Notified> {
  const inner = openInner(place, 'notified');
  if (!socket.startsWith('@')) place.defer(() => rmSync(socket));
  const receiver = await startProcess(place, {
    command: '/usr/bin/python3',
    args: [join(FIXTURES, 'python/notified.py'), socket],
    dir: inner.dir,
    errorLog: join(inner.dir, 'messages'),
    endSignal: 'SIGTERM',
  });
  await until(() => receiver.errors().startsWith('bound\n'), {
    what: 'the socket',
    explain: () => receiver.errors(),
  });
  const messages = (): Message[] => parseMessages(receiver.errors());
  return {
    socket,
    pid: receiver.pid,
    messages,
    phases: () => messages().filter(({ text }) => /^(READY|RELOADING|STOPPING)=/.test(text)),
    when: (what, seen, from = 0) =>
      until(() => messages().slice(from).find(seen), {
        what,
        deadlineMs: 20_000,
        explain: () =>
          messages()
            .map(({ text }) => JSON.stringify(text))
            .join('\n'),
      }),
  };
}

/** What notified.py wrote; the first line says that it receives. */
export function parseMessages(output: string): Message[] {
  return output.split('\n').slice(1, -1).map(parse);
}

function parse(line: string): Message {
  const [pid, hex = ''] = line.split(' ');
  const text = Buffer.from(hex, 'hex').toString();
  const fields = text.split('\n').map(assignment => {
    const at = assignment.indexOf('=');
    return [assignment.slice(0, at), assignment.slice(at + 1)];
  });
  return { pid: Number(pid), text, fields: Object.fromEntries(fields) };
}
