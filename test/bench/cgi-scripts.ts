/** The scripts that both hosts run: the same files, asked for by the same URLs. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import { ask } from '../lib/http.ts';
import type { Place } from '../lib/place.ts';

const MEBIBYTE = 1 << 20;

export interface Script {
  readonly name: string;
  readonly file: string;
  /** Lines of sh, or undefined for the C program. */
  readonly lines?: readonly string[];
  /** Sent with every request. */
  readonly bodyBytes?: number;
  readonly answers: string | number;
}

export const HELLO: Script = {
  name: 'sh of two lines',
  file: 'hello.sh',
  lines: [String.raw`printf 'Content-Type: text/plain\r\n\r\nhello\n'`],
  answers: 'hello\n',
};

export const SCRIPTS: readonly Script[] = [
  HELLO,
  {
    name: 'answer of 1 MiB',
    file: 'big.sh',
    lines: [
      String.raw`printf 'Content-Type: application/octet-stream\r\n\r\n'`,
      `exec head -c ${MEBIBYTE} /dev/zero`,
    ],
    answers: MEBIBYTE,
  },
  {
    name: 'POST of 1 MiB',
    file: 'post.sh',
    lines: [String.raw`printf 'Content-Type: text/plain\r\n\r\n'`, 'exec wc -c'],
    bodyBytes: MEBIBYTE,
    answers: `${MEBIBYTE}\n`,
  },
  { name: 'C program', file: 'hello.cgi', answers: 'hello\n' },
];

export interface WrittenScripts {
  readonly dir: string;
  /** What wrk needs to send the body of a script. */
  wrkScript(script: Script): string | undefined;
}

export async function writeScripts(place: Place): Promise<WrittenScripts> {
  const dir = join(place.dir, 'scripts');
  mkdirSync(dir);
  for (const { file, lines } of SCRIPTS) {
    const path = join(dir, file);
    if (lines === undefined) copyFileSync(await compileFixture('cgi-hello', []), path);
    else writeFileSync(path, `#!/bin/sh\n${lines.join('\n')}\n`);
    chmodSync(path, 0o755);
  }
  return {
    dir,
    wrkScript({ file, bodyBytes }) {
      if (bodyBytes === undefined) return undefined;
      const path = join(place.dir, `${file}.lua`);
      writeFileSync(path, `wrk.method = "POST"\nwrk.body = string.rep("x", ${bodyBytes})\n`);
      return path;
    },
  };
}

/** wrk looks at the status only. */
export async function assertRight(base: string, { name, file, bodyBytes, answers }: Script): Promise<void> {
  const asked = bodyBytes === undefined ? {} : { body: Buffer.alloc(bodyBytes, 'x') };
  const { status, text, body } = await ask(`${base}/${file}`, asked);
  if (status !== 200 || (typeof answers === 'number' ? body.length : text) !== answers)
    throw new Error(`${name}: ${status}, ${body.length} bytes: ${text.slice(0, 200)}`);
}
