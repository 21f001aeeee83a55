/**
 * A gigabyte through the CGI host, in each direction, with somebody at the other end who stops again and again: the
 * host makes the other side wait, and keeps next to nothing of it.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { descendants } from '../../src/os/proc.ts';
import { describeActivity } from '../../src/worker/activity.ts';
import { type CgiHost, startCgiHost } from '../lib/cgi-host.ts';
import { until } from '../lib/poll.ts';
import { suite } from '../lib/suite.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** Behind which the other end stops, before it goes on. */
const STOPS = [0, 300 * MIB, 900 * MIB];
/** In a pipe, in sockets, and in the hands of host and client: nothing that grows with the whole. */
const MOST_ON_ITS_WAY = 8 * MIB;
const MOST_MEMORY_MIB = 100;

/** The most memory that the host has had at any time. */
function peakMib(host: CgiHost): number {
  const status = readFileSync(`/proc/${host.pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Waits until some process of the script is asleep in this call. */
async function untilScript(host: CgiHost, activity: RegExp): Promise<void> {
  const look = (): string[] =>
    (descendants(host.pid) ?? []).filter(pid => pid !== host.pid).map(describeActivity);
  await until(() => look().some(it => activity.test(it)), {
    what: `the script to be in ${activity}`,
    explain: () => look().join('\n'),
  });
}

for (const protocol of ['fastcgi', 'scgi'] as const) {
  suite(`integration/cgi-large: ${protocol}`, {}, async scope => {
    const host = await startCgiHost(scope, { protocol });

    await scope.test('an answer of a gigabyte, to a client that stops reading', async () => {
      host.script(
        'download.sh',
        `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexec head -c ${GIB} /dev/zero\n`,
      );
      const { body } = await host.begin('download.sh');
      const stops = [...STOPS];
      let bytes = 0;
      for await (const chunk of body) {
        bytes += (chunk as Buffer).length;
        if (bytes <= (stops[0] ?? GIB)) continue;
        stops.shift();
        // Nobody reads here; so the host reads no more either, and the script's pipe is full.
        await untilScript(host, /^write of descriptor 1, pipe/);
      }
      assert.deepEqual([bytes, stops], [GIB, []]);
      assert.ok(peakMib(host) <= MOST_MEMORY_MIB, `${peakMib(host)} MiB`);
    });

    await scope.test('an upload of a gigabyte, to a script that stops reading', async () => {
      const gate = join(host.shared, 'gate');
      execFileSync('mkfifo', [gate]);
      chmodSync(gate, 0o666);
      const parts = STOPS.map((stop, index) => (STOPS[index + 1] ?? GIB) - stop);
      host.script(
        'upload.sh',
        [
          '#!/bin/sh',
          'printf "Content-Type: text/plain\\n\\n"',
          ...parts.map(part => `read go < ${gate}; head -c ${part} | wc -c`),
          'wc -c',
        ].join('\n'),
      );
      let allowed = 0;
      let sent = 0;
      const piece = Buffer.alloc(MIB);
      const body = Readable.from(
        (function* () {
          for (; sent < GIB; sent += piece.length) {
            assert.ok(sent <= allowed + MOST_ON_ITS_WAY, `${sent} bytes sent, ${allowed} read`);
            yield piece;
          }
        })(),
        { objectMode: false, highWaterMark: MIB },
      );
      const reply = host.ask('upload.sh', { body, params: { CONTENT_LENGTH: String(GIB) } });
      for (const part of parts) {
        await untilScript(host, /^openat/);
        allowed += part;
        await writeFile(gate, '\n');
      }
      const { status, text } = await reply;
      assert.deepEqual([status, text.trim().split('\n').map(Number)], [200, [...parts, 0]]);
      assert.ok(peakMib(host) <= MOST_MEMORY_MIB, `${peakMib(host)} MiB`);
    });
  });
}
