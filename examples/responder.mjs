// A FastCGI program in Node: /srv/app/responder.mjs, after `npm install fpm-ts` in /srv/app. The pool is
// pools.d/responder.toml. For SCGI (nginx-scgi.conf, lighttpd-scgi.conf), set the protocol to 'scgi' here and in the pool.
import { serve } from 'fpm-ts/responder';

serve(
  async request => {
    const body = await request.text();
    return new Response(`Hello from ${process.pid}: ${request.method} ${request.url} ${body}\n`);
  },
  { protocol: 'fastcgi' },
);
