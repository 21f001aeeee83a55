// What is fuzzed alive: a program with the library, which reads every body. Its argument is the protocol.
import { serve } from 'fpm-ts/responder';

serve(
  async request => new Response(`${request.method} ${(await request.arrayBuffer()).byteLength} bytes\n`),
  { protocol: process.argv[2] },
);
