/** What a line of an access log says of a request's time, format by format. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  DEFAULT_FORMAT,
  departure,
  type Ended,
  lineReader,
  NGINX_LINES,
  Spread,
} from '../../../src/cli/access-log.ts';
import { REPOSITORY } from '../../lib/paths.ts';

interface Row {
  readonly name: string;
  readonly format: string;
  readonly line: string;
  readonly read: Ended | 'not-upstream' | null;
}

const COMBINED = '10.0.0.1 - - [21/Nov/2026:13:00:01 +0100] "GET /a HTTP/1.1" 200 5 "-" "curl [x] $y"';
const END_MS = Date.UTC(2026, 10, 21, 12, 0, 1);

const ROWS: readonly Row[] = [
  {
    name: 'the default: end to the millisecond, total and upstream time',
    format: DEFAULT_FORMAT,
    line: `${COMBINED} 1795262401.250 0.120 0.100`,
    read: { endMs: 1795262401250, totalMs: 120, serviceMs: 100, isCoarse: false },
  },
  {
    name: 'a request that no upstream had',
    format: DEFAULT_FORMAT,
    line: `${COMBINED} 1795262401.250 0.000 -`,
    read: 'not-upstream',
  },
  {
    name: 'a future, without milliseconds',
    format: '$msec $request_time',
    line: '4070908800 1.5',
    read: { endMs: 4070908800000, totalMs: 1500, serviceMs: 1500, isCoarse: false },
  },
  {
    name: 'a day that no month has',
    format: '[$time_local] $request_time',
    line: '[41/Nov/2026:13:00:01 +0100] 0.120',
    read: null,
  },
  {
    name: 'several upstreams, one of which gave nothing',
    format: DEFAULT_FORMAT,
    line: `${COMBINED} 1795262401.250 0.350 0.100, - : 0.200`,
    read: { endMs: 1795262401250, totalMs: 350, serviceMs: 300, isCoarse: false },
  },
  { name: 'combined alone is not it', format: DEFAULT_FORMAT, line: COMBINED, read: null },
  {
    name: 'combined with a request time: to the second',
    format:
      '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time',
    line: `${COMBINED} 0.120`,
    read: { endMs: END_MS, totalMs: 120, serviceMs: 120, isCoarse: true },
  },
  {
    name: 'ISO 8601',
    format: '$time_iso8601 rt=$request_time',
    line: '2026-11-21T13:00:01+01:00 rt=1.500',
    read: { endMs: END_MS, totalMs: 1500, serviceMs: 1500, isCoarse: true },
  },
  {
    name: 'JSON, names in braces, and signs that mean something in a pattern',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: nginx writes its variables so
    format: '{"t":${msec},"u":"${upstream_response_time}","q":"$args"} (a|b).*',
    line: '{"t":1795262401.000,"u":"0.010","q":"x=1&y=$z"} (a|b).*',
    read: { endMs: 1795262401000, totalMs: 10, serviceMs: 10, isCoarse: false },
  },
];

for (const { name, format, line, read } of ROWS) {
  void test(name, () => {
    const reader = lineReader(format);
    assert.ok(typeof reader === 'function');
    assert.deepEqual(reader(line), read);
  });
}

void test('a format without times says which are missing', () => {
  assert.match(String(lineReader('$remote_addr $request_time')), /when a request ended: \$msec/);
  assert.match(String(lineReader('$remote_addr $msec')), /how long a request took: \$request_time/);
});

void test('where a line departs from its format', () => {
  assert.equal(departure(DEFAULT_FORMAT, `${COMBINED} soon 0.120 0.100`), '$msec');
  assert.equal(departure(DEFAULT_FORMAT, COMBINED), `'" '`);
  assert.equal(departure('$msec $request_time', '1795262401.250 0.1 0.2'), 'its end');
  assert.match(departure('[$time_local]', '[41/Nov/2026:13:00:01 +0100]'), /none of a calendar/);
});

void test('ends that are known to the second are spread over it, in their order', () => {
  const ends: number[] = [];
  const spread = new Spread(({ endMs }) => ends.push(endMs));
  const times = { totalMs: 1, serviceMs: 1, isCoarse: true };
  for (const endMs of [1000, 1000, 3000]) spread.take({ ...times, endMs });
  spread.finish();
  assert.deepEqual(ends, [1250, 1750, 3500]);
});

void test('docs/scaling.md has the lines for nginx.conf that the command has', () => {
  assert.ok(readFileSync(join(REPOSITORY, 'docs/scaling.md'), 'utf8').includes(NGINX_LINES));
});
