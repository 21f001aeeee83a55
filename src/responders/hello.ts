/** The responder of the quick start, a FastCGI program on descriptor 0 like any other that uses the library. */
import './ignore-sigusr1.ts';
import { serve } from '../server/responder.ts';
import { giveUpRoot, nobody } from './give-up-root.ts';
import { helloPage } from './hello-page.ts';

let served = 0;

// Everything is loaded now, so that a clone which only root can read needs no more reading.
giveUpRoot(nobody());
serve(async request => helloPage(request, { pid: process.pid, served: ++served }));
