/** What a program that uses the library does as a process: started rightly and wrongly, told to stop, troubled. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { cleanEnvironment, runCommand } from '../../lib/command.ts';
import { REPOSITORY } from '../../lib/paths.ts';
import { until } from '../../lib/poll.ts';
import { type Scope, suite } from '../../lib/suite.ts';
import { type Program, startProgram } from '../client/programs.ts';
import { begun, stdin } from './serving.ts';

const SERVE = join(REPOSITORY, 'src/server/responder.ts');

let programs = 0;

/** Runs the text as a program, with `serve` imported from the sources. */
function programOf(scope: Scope, text: string): readonly string[] {
  const file = join(scope.dir, `program-${programs++}.mjs`);
  writeFileSync(file, `import { serve } from '${SERVE}';\n${text}`);
  return [process.execPath, '--import', 'tsx', file];
}

function start(scope: Scope, text: string): Promise<Program> {
  return startProgram(scope, `process-${programs}`, programOf(scope, text), REPOSITORY);
}

async function open(scope: Scope, { path }: Program): Promise<Socket> {
  const socket = connect({ path });
  // Before the program is waited for, which may have a request of it in hand when a test fails.
  scope.defer(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function said(socket: Socket): Promise<string> {
  let all = '';
  for await (const chunk of socket) all += (chunk as Buffer).toString('latin1');
  return all;
}

async function ask(scope: Scope, program: Program, path: string): Promise<string> {
  const socket = await open(scope, program);
  socket.write(Buffer.concat([begun({ REQUEST_URI: path }), stdin(null)]));
  return await said(socket);
}

/** Timers, connections to a database: whatever is open besides does not hold up the end. */
const WAITS_FOR_GO = `
setInterval(() => {}, 1000);
let go;
serve(async (request, { signal }) => {
  if (request.url.endsWith('/go')) go();
  else await new Promise(resolve => {
    go = resolve;
    signal.addEventListener('abort', resolve);
    console.error('in hand');
  });
  return new Response('answered');
});
`;

suite('unit/server/serve: its process', { needs: ['spawn-fcgi'] }, async scope => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await scope.test(
      `${signal} lets what is in hand be answered, also twice, and then exits with 0`,
      async () => {
        const program = await start(scope, WAITS_FOR_GO);
        const waiting = ask(scope, program, '/');
        await until(() => program.stderr().includes('in hand'), { what: 'the request to be in hand' });
        const helper = await open(scope, program); // accepted, so that its request is still served
        process.kill(program.pid, signal);
        process.kill(program.pid, signal);
        helper.write(Buffer.concat([begun({ REQUEST_URI: '/go' }), stdin(null)]));
        assert.match(await said(helper), /answered/);
        assert.match(await waiting, /answered/);
        assert.equal(await program.terminate(), 0);
      },
    );
  }

  await scope.test('SIGUSR1 opens no debugger', async () => {
    const program = await start(scope, "serve(() => new Response('still here'));");
    await ask(scope, program, '/'); // it has come as far as serve()
    process.kill(program.pid, 'SIGUSR1');
    assert.match(await ask(scope, program, '/'), /still here/);
    assert.doesNotMatch(program.stderr(), /[Dd]ebugger/);
  });

  await scope.test('a rejected promise that nobody handles is a line, and not the end', async () => {
    const program = await start(
      scope,
      `serve(request => {
        if (request.url.endsWith('/stray')) void Promise.reject(new Error('stray'));
        return new Response('still here');
      });`,
    );
    await ask(scope, program, '/stray');
    assert.match(await ask(scope, program, '/'), /still here/);
    await until(() => program.stderr().includes('nobody handles: Error: stray ('), { what: 'the line' });
  });

  await scope.test("a program's own handler of rejected promises is left alone", async () => {
    const program = await start(
      scope,
      `process.on('unhandledRejection', error => console.error('mine: ' + error.message));
      serve(() => { void Promise.reject(new Error('stray')); return new Response('x'); });`,
    );
    await ask(scope, program, '/');
    await until(() => program.stderr().includes('mine: stray'), { what: 'its line' });
    assert.doesNotMatch(program.stderr(), /nobody handles/);
  });

  await scope.test('a stderr that nobody reads any more is not the end', async () => {
    const text = `process.stderr.destroy(); serve(() => { throw new Error('x'); });`;
    const program = await start(scope, text);
    assert.match(await ask(scope, program, '/'), /Status: 500/);
    assert.match(await ask(scope, program, '/'), /Status: 500/);
  });
});

suite('unit/server/serve: started wrongly', {}, async scope => {
  const wrongly = async (text: string): Promise<string> => {
    const [command = '', ...args] = programOf(scope, text);
    const { code, stderr } = await runCommand(command, args, { cwd: REPOSITORY });
    assert.equal(code, 1, stderr);
    return stderr;
  };

  await scope.test('by hand it says in one line how it is started', async () => {
    const stderr = await wrongly("serve(() => new Response('x'));");
    assert.match(
      stderr,
      /^fpm-ts\/responder: descriptor 0 is not a listening socket\. .*fpm-ts spawn .*program-\d+\.mjs\n$/,
    );
  });

  await scope.test('neither a closed descriptor nor a connection will do', async () => {
    assert.match(
      await wrongly("serve(() => new Response('x'), { descriptor: 77 });"),
      /^fpm-ts\/responder: descriptor 77 is/,
    );
    const [command = '', ...args] = programOf(scope, "serve(() => new Response('x'));");
    // Node gives a child a socket as its stdin.
    const child = spawn(command, args, {
      cwd: REPOSITORY,
      env: cleanEnvironment(),
      stdio: ['overlapped', 'ignore', 'ignore'],
    });
    assert.deepEqual(await once(child, 'exit'), [1, null]);
  });

  const MISTAKES: Readonly<Record<string, RegExp>> = {
    'serve()': /the first argument is the function that answers/,
    "serve({ fetch: () => new Response('x') })": /the first argument is the function that answers/,
    "serve(() => new Response('x'), { protocol: 'http' })": /protocol is "fastcgi" or "scgi", not "http"/,
    "serve(() => new Response('x'), { descriptor: -1 })":
      /descriptor is the number of an open socket, not -1/,
    "serve(() => new Response('x'), { maxRequests: 0 })": /maxRequests is a whole number from 1, not 0/,
    "serve(() => new Response('x'), { ownsProcess: false })":
      /Error: serve: descriptor 0 is not a listening socket/,
  };
  for (const [text, why] of Object.entries(MISTAKES))
    await scope.test(text, async () => assert.match(await wrongly(text), why));
});
