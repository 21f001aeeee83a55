/**
 * `node --import tsx test/fuzz/record.ts`: records what a real nginx and a real lighttpd send over FastCGI and
 * SCGI into test/fuzz/captures, one file a connection. Every run overwrites them; ports and lengths that hang on
 * them are all that differs.
 */

import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { ask, upload } from '../lib/http.ts';
import { startLighttpdSite } from '../lib/lighttpd.ts';
import { startNginxSite } from '../lib/nginx.ts';
import { openPlace, type Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { CAPTURES } from './captures.ts';
import { type Recording, startRecorder } from './recorder.ts';

/** More than one buffer of either server, and text that a repository packs well. */
const UPLOAD = Buffer.from('All work and no play makes a dull upload. '.repeat(2400));
/** As much as an abort may leave behind. */
const HALF_BYTES = 40_000;

type Protocol = 'fastcgi' | 'scgi';

/** What a browser would send that has been to many places. */
const MANY_HEADERS: Readonly<Record<string, string>> = {
  cookie: Array.from({ length: 60 }, (_, index) => `name${index}=${'value'.repeat(12)}`).join('; '),
  ...Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [`x-field-${index}`, String(index).repeat(20)]),
  ),
};

const CASES: Readonly<Record<string, (url: string) => Promise<unknown>>> = {
  get: url => ask(`${url}/whole/page?name=v%20w&empty=`, { headers: { accept: '*/*' } }),
  head: url => ask(`${url}/whole/`, { method: 'HEAD' }),
  post: url =>
    ask(`${url}/whole/form`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'name=value&text=a+b',
    }),
  headers: url => ask(`${url}/whole/headers`, { headers: MANY_HEADERS }),
  upload: url => upload(`${url}/whole/upload`, [{ field: 'file', name: 'dull.txt', content: UPLOAD }]),
};

function nginxSite(port: number, sockets: Readonly<Record<Protocol, string>>): string {
  return `
upstream kept { server unix:${sockets.fastcgi}; keepalive 1; }
server {
    listen 127.0.0.1:${port};
    server_name recorder.example;
    root /srv;
    location /fastcgi/whole/  { include /etc/nginx/fastcgi_params; fastcgi_pass unix:${sockets.fastcgi}; }
    location /fastcgi/stream/ { include /etc/nginx/fastcgi_params; fastcgi_pass unix:${sockets.fastcgi};
                                fastcgi_request_buffering off; }
    location /fastcgi/kept/   { include /etc/nginx/fastcgi_params; fastcgi_pass kept; fastcgi_keep_conn on; }
    location /scgi/whole/     { include /etc/nginx/scgi_params; scgi_pass unix:${sockets.scgi}; }
    location /scgi/stream/    { include /etc/nginx/scgi_params; scgi_pass unix:${sockets.scgi};
                                scgi_request_buffering off; }
}
`;
}

function lighttpdSite(sockets: Readonly<Record<Protocol, string>>): string {
  return `
server.modules += ("mod_fastcgi", "mod_scgi")
fastcgi.server = ("/fastcgi/" => (("socket" => "${sockets.fastcgi}", "check-local" => "disable")))
scgi.server = ("/scgi/" => (("socket" => "${sockets.scgi}", "check-local" => "disable")))
$HTTP["url"] =~ "^/" { server.document-root = "/srv" }
$HTTP["url"] =~ "/stream/" { server.stream-request-body = 2 }
`;
}

/** The client goes away when the responder has seen some of its body. */
async function abort(url: string, seen: () => number): Promise<void> {
  const outgoing = request(`${url}/stream/upload`, {
    method: 'PUT',
    agent: false,
    headers: { 'content-length': UPLOAD.length },
  });
  outgoing.on('error', () => {});
  outgoing.write(UPLOAD.subarray(0, HALF_BYTES));
  await until(() => seen() > HALF_BYTES / 2, { what: 'half of the body' });
  outgoing.destroy();
}

const bytesOf = (recording: Recording | undefined): number => Buffer.concat(recording?.chunks ?? []).length;

async function recordAll(place: Place): Promise<void> {
  const recorders = {
    fastcgi: await startRecorder(place, 'fastcgi'),
    scgi: await startRecorder(place, 'scgi'),
  };
  const sockets = { fastcgi: recorders.fastcgi.path, scgi: recorders.scgi.path };
  const servers = {
    nginx: await startNginxSite(place, port => nginxSite(port, sockets)),
    lighttpd: await startLighttpdSite(place, lighttpdSite(sockets)),
  };

  async function record(
    file: string,
    protocol: Protocol,
    run: (seen: () => number) => Promise<unknown>,
    isWhole: (recording: Recording) => boolean = ({ isClosed }) => isClosed,
  ): Promise<void> {
    const { recordings } = recorders[protocol];
    const index = recordings.length;
    await run(() => bytesOf(recordings[index]));
    const recording = await until(() => recordings.slice(index).find(isWhole), {
      what: `the end of ${file}`,
    });
    const bytes = Buffer.concat(recording.chunks);
    writeFileSync(join(CAPTURES, `${file}.bin`), bytes);
    console.log(`${file}: ${bytes.length} bytes`);
  }

  for (const [name, { url }] of Object.entries(servers)) {
    for (const protocol of ['fastcgi', 'scgi'] as const) {
      const base = `${url}/${protocol}`;
      for (const [what, run] of Object.entries(CASES)) {
        await record(`${name}-${protocol}-${what}`, protocol, () => run(base));
      }
      await record(`${name}-${protocol}-aborted`, protocol, seen => abort(base, seen));
    }
  }
  await record(
    'nginx-fastcgi-kept',
    'fastcgi',
    async () => {
      for (const target of ['one', 'two', 'three']) await ask(`${servers.nginx.url}/fastcgi/kept/${target}`);
    },
    () => true,
  );
}

const place = openPlace('fpm-ts-record-');
try {
  await recordAll(place);
} finally {
  await place.close();
}
