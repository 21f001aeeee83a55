/** What a server is told when it begins. */
import type { Poller } from '../os/poller.ts';
import type { ServerProtocol } from '../protocols/names.ts';
import type { SessionSettings } from '../protocols/server-session.ts';

export interface ServerOptions extends Omit<SessionSettings, 'requestWithinMs'> {
  /** A listening socket; it is made non-blocking, for everybody who shares it. */
  readonly descriptor: number;
  readonly protocol: ServerProtocol;
  /** Closed by whoever made it, when the server has stopped. */
  readonly poller: Poller;
  /** How long a connection may take to bring its request; 60 s where it is not said. */
  readonly requestWithinMs?: number;
}
