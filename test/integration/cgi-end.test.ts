/** Scripts that have to end: a client that goes away, a time that is over, and everybody who belongs to them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CgiHost, startCgiHost } from '../lib/cgi-host.ts';
import { until } from '../lib/poll.ts';
import { readStat } from '../lib/processes.ts';
import { connectRaw, RAW_ABORT, rawBody, rawRequest, readAnswer } from '../lib/raw-fastcgi.ts';
import { suite } from '../lib/suite.ts';

const sh = (...lines: readonly string[]): string => `#!/bin/sh\n${lines.join('\n')}\n`;
const HEAD = 'printf "Content-Type: text/plain\\n\\n"';

/** Writes a script that says its pid, and those of its children, into a file, and then stays. */
function stayingScript(host: CgiHost, name: string, ...first: readonly string[]): string {
  const pids = join(host.shared, `${name}.pids`);
  host.script(
    name,
    sh(...first, `echo $$ >> ${pids}.new`, `mv ${pids}.new ${pids}`, 'while :; do sleep 0.05; done'),
  );
  return pids;
}

function pidsIn(file: string): number[] {
  return readFileSync(file, 'utf8').trim().split('\n').map(Number);
}

async function untilThere(file: string): Promise<void> {
  await until(() => existsSync(file), { what: `${file} to be written` });
}

async function untilGone(pids: readonly number[]): Promise<void> {
  // Who outlived its parent is reaped by somebody else, in his own time.
  const isGone = (pid: number): boolean => (readStat(pid)?.state ?? 'Z') === 'Z';
  await until(() => pids.every(isGone), { what: `${pids.join(', ')} to be gone` });
}

for (const protocol of ['fastcgi', 'scgi'] as const) {
  for (const tcp of [false, true]) {
    suite(`integration/cgi-end: client gone, ${protocol} over ${tcp ? 'TCP' : 'a Unix socket'}`, {}, async scope => {
      const host = await startCgiHost(scope, { protocol, tcp });
      const impatient = await startCgiHost(scope, { protocol, tcp, args: ['--kill-after', '100ms'] });

      /** Begins a request, waits until its script has written the file, and goes away. */
      async function leave(host: CgiHost, name: string, file: string): Promise<void> {
        const leaving = new AbortController();
        const asked = host.begin(name, { signal: leaving.signal }).catch(() => {});
        await untilThere(file);
        leaving.abort();
        await asked;
      }

      await scope.test('its script is ended before it has said anything', async () => {
        const file = stayingScript(host, 'silent.sh');
        await leave(host, 'silent.sh', file);
        await untilGone(pidsIn(file));
      });

      await scope.test('and after', async () => {
        const file = stayingScript(host, 'speaking.sh', HEAD, 'echo something');
        await leave(host, 'speaking.sh', file);
        await untilGone(pidsIn(file));
      });

      await scope.test('by SIGTERM, which it may answer', async () => {
        const done = join(host.shared, 'cleaned');
        const file = stayingScript(host, 'cleans.sh', `trap 'echo clean > ${done}; exit 0' TERM`);
        await leave(host, 'cleans.sh', file);
        await untilThere(done);
        await untilGone(pidsIn(file));
        // A shell may have said on stderr what became of its own children.
        assert.doesNotMatch(host.log(), /(\d+|broken off): .*cleans\.sh|killed/);
      });

      await scope.test('by SIGKILL, when it does not', async () => {
        const file = stayingScript(impatient, 'stubborn.sh', "trap '' TERM");
        await leave(impatient, 'stubborn.sh', file);
        await untilGone(pidsIn(file));
        await impatient.said(/stubborn\.sh\[\d+\]: killed, as it did not end within 0\.1 s of SIGTERM/);
      });

      await scope.test('with all of its process group, also those that outlive their parent', async () => {
        const pids = join(impatient.shared, 'group.pids');
        impatient.script(
          'group.sh',
          sh(
            `sh -c 'trap "" TERM; echo $$ >> ${pids}; while :; do sleep 0.05; done' &`,
            `sh -c 'echo $$ >> ${pids}; (echo $$ >/dev/null; exec sleep 1000) & wait' &`,
            `until [ "$(wc -l < ${pids})" = 2 ]; do sleep 0.01; done`,
            `echo $$ >> ${pids}.all; cat ${pids} >> ${pids}.all; mv ${pids}.all ${pids}.ready`,
            'wait',
          ),
        );
        await leave(impatient, 'group.sh', `${pids}.ready`);
        await untilGone(pidsIn(`${pids}.ready`));
      });

      await scope.test('nothing is left of them, and others are served', async () => {
        for (const each of [host, impatient]) {
          each.script('hello.sh', sh(HEAD, 'echo hello'));
          assert.equal((await each.ask('hello.sh')).text, 'hello\n');
          await until(() => each.children().length === 0, {
            what: 'no children',
            explain: () => each.children().join('\n'),
          });
          assert.equal(await each.stop(), 0);
        }
      });
    });
  }
}

suite('integration/cgi-end: in FastCGI', {}, async scope => {
  const host = await startCgiHost(scope, { args: ['--max-scripts', '1', '--max-queue', '1'] });
  host.script('hello.sh', sh(HEAD, 'echo hello'));
  const params = (name: string): Record<string, string> => ({ SCRIPT_FILENAME: `${host.root}/${name}` });

  await scope.test('FCGI_ABORT_REQUEST ends the script and leaves the connection', async () => {
    const file = stayingScript(host, 'aborted.sh');
    const socket = await connectRaw(scope, host.address);
    socket.write(rawRequest({ params: params('aborted.sh'), keepConnection: true }));
    await untilThere(file);
    socket.write(RAW_ABORT);
    await untilGone(pidsIn(file));
    socket.write(rawRequest({ params: params('hello.sh') }));
    assert.match((await readAnswer(socket)).stdout, /hello\n$/);
  });

  await scope.test('one that waits for a place leaves the queue', async () => {
    const go = join(host.shared, 'go');
    host.script('first.sh', sh(HEAD, `until [ -e ${go} ]; do sleep 0.01; done`));
    const ran = join(host.shared, 'ran');
    host.script('waits.sh', sh(`echo ran > ${ran}`, HEAD));
    const first = host.ask('first.sh');
    await until(() => host.children().length > 0, { what: 'the first to run' });
    const leaving = new AbortController();
    const second = host.begin('waits.sh', { signal: leaving.signal }).catch(() => {});
    // It waits when nobody else may: a third is refused.
    await until(async () => (await host.ask('hello.sh')).status === 503, { what: 'the queue to be full' });
    leaving.abort();
    await second;
    const third = host.ask('hello.sh');
    await until(async () => (await host.ask('hello.sh')).status === 503, {
      what: 'its place to be taken by the third',
    });
    writeFileSync(go, '');
    await first;
    assert.equal((await third).text, 'hello\n');
    assert.ok(!existsSync(ran), 'nobody wanted it any more');
  });

  await scope.test('one whose body is on its way', async () => {
    const pids = join(host.shared, 'reading.pids');
    host.script(
      'reading.sh',
      sh(`echo $$ > ${pids}.new; mv ${pids}.new ${pids}`, 'cat >/dev/null', 'while :; do sleep 0.05; done'),
    );
    const socket = await connectRaw(scope, host.address);
    const asked = { ...params('reading.sh'), CONTENT_LENGTH: '1000000' };
    socket.write(rawRequest({ params: asked, body: null }));
    socket.write(rawBody(Buffer.alloc(1000)));
    await untilThere(pids);
    socket.destroy();
    await untilGone(pidsIn(pids));
  });
});

suite('integration/cgi-end: gone while they start', {}, async scope => {
  const host = await startCgiHost(scope);
  host.script('hello.sh', sh(HEAD, 'echo hello'));
  await host.ask('hello.sh');
  const before = host.descriptors();

  await scope.test('whenever it is: nothing is left, and others are served', async () => {
    const file = stayingScript(host, 'stays.sh');
    for (let at = 0; at < 100; at++) {
      const socket = await connectRaw(scope, host.address);
      const bytes = rawRequest({ params: { SCRIPT_FILENAME: `${host.root}/stays.sh` } });
      socket.write(bytes, () => setTimeout(() => socket.destroy(), at / 20));
    }
    await untilThere(file);
    await until(() => host.children().length === 0 && host.descriptors() <= before, {
      what: 'all of them to be gone',
      explain: () => [...host.children(), host.openFiles()].join('\n'),
    });
    assert.equal((await host.ask('hello.sh')).text, 'hello\n');
  });
});

suite('integration/cgi-end: a time that is over', {}, async scope => {
  const host = await startCgiHost(scope, { args: ['--timeout', '1500ms', '--kill-after', '100ms'] });
  await host.ask('missing.sh');
  const before = host.descriptors(); // those of this answer may be among them still

  await scope.test('504 where nothing was said, and all of the group is ended', async () => {
    const file = stayingScript(host, 'slow.sh');
    assert.equal((await host.ask('slow.sh')).status, 504);
    await host.said(/504: .*slow\.sh\[\d+\]: ended, as it took longer than 1\.5 s \(--timeout\)/);
    await untilGone(pidsIn(file));
  });

  await scope.test('a broken answer where something was', async () => {
    const file = stayingScript(host, 'speaking.sh', HEAD, 'echo something');
    await assert.rejects(host.ask('speaking.sh'), { name: 'ClientError' });
    await host.said(/broken off: .*speaking\.sh\[\d+\]: ended, as it took longer/);
    await untilGone(pidsIn(file));
  });

  await scope.test('one that does not react to SIGTERM', async () => {
    const file = stayingScript(host, 'stubborn.sh', "trap '' TERM");
    assert.equal((await host.ask('stubborn.sh')).status, 504);
    await untilGone(pidsIn(file));
  });

  await scope.test(
    'a background child that keeps stdout holds the request, until its time is over',
    async () => {
      const pids = join(host.shared, 'holder.pids');
      host.script('holder.sh', sh(HEAD, 'echo said', `sleep 1000 & echo $! > ${pids}`));
      await assert.rejects(host.ask('holder.sh'), { name: 'ClientError' });
      await untilGone(pidsIn(pids));
    },
  );

  await scope.test('nothing is left of them', async () => {
    await until(() => host.children().length === 0 && host.descriptors() <= before, {
      what: 'nothing to be left',
      explain: () => [...host.children(), host.openFiles()].join('\n'),
    });
    assert.equal(await host.stop(), 0);
  });

  await scope.test('those in time are not concerned', async () => {
    const patient = await startCgiHost(scope, { args: ['--timeout', '60s'] });
    patient.script('hello.sh', sh(HEAD, 'echo hello'));
    const asked = Array.from({ length: 20 }, () => patient.ask('hello.sh'));
    for (const { text } of await Promise.all(asked)) assert.equal(text, 'hello\n');
    // No timer of theirs holds up the end.
    assert.equal(await patient.stop(), 0);
  });
});

suite('integration/cgi-end: the host itself stops', {}, async scope => {
  await scope.test('what runs and what waits is finished first', async () => {
    const host = await startCgiHost(scope, { args: ['--max-scripts', '1'] });
    const go = join(host.shared, 'go');
    host.script('first.sh', sh(HEAD, `until [ -e ${go} ]; do sleep 0.01; done`, 'echo first'));
    host.script('second.sh', sh(HEAD, 'echo second'));
    const asked = [host.ask('first.sh')];
    await until(() => host.children().length > 0, { what: 'the first to run' });
    const queued = await connectRaw(scope, host.address);
    queued.write(rawRequest({ params: { SCRIPT_FILENAME: `${host.root}/second.sh` } }));
    // The first is answered after that was read: it was written before.
    const stopped = host.stop();
    await until(() => !isListening(host), { what: 'the listener to be closed' });
    writeFileSync(go, '');
    assert.deepEqual(
      (await Promise.all(asked)).map(reply => reply.text),
      ['first\n'],
    );
    assert.match((await readAnswer(queued)).stdout, /second\n$/);
    assert.equal(await stopped, 0);
  });

  await scope.test('what has to end is waited for', async () => {
    const host = await startCgiHost(scope, { args: ['--kill-after', '300ms'] });
    const file = stayingScript(host, 'stubborn.sh', "trap '' TERM");
    const leaving = new AbortController();
    const asked = host.begin('stubborn.sh', { signal: leaving.signal }).catch(() => {});
    await untilThere(file);
    leaving.abort();
    await asked;
    assert.equal(await host.stop(), 0);
    assert.deepEqual(
      pidsIn(file).filter(pid => readStat(pid) !== undefined),
      [],
    );
  });
});

/** The test process holds no copy of it. */
function isListening({ address }: CgiHost): boolean {
  if (address.type !== 'unix') return false;
  const lines = readFileSync('/proc/self/net/unix', 'utf8').split('\n');
  return lines.some(line => line.endsWith(` ${address.path}`) && line.includes(' 00010000 '));
}
