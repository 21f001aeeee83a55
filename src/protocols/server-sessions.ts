/** The protocols as servers. A protocol that names.ts says is answered must be here. */
import { FastcgiSession } from './fastcgi/session.ts';
import type { ServerProtocol } from './names.ts';
import { ScgiSession } from './scgi/session.ts';
import type { OpenSession } from './server-session.ts';

export const OPEN_SESSION: Readonly<Record<ServerProtocol, OpenSession>> = {
  fastcgi: (connection, settings) => new FastcgiSession(connection, settings),
  scgi: (connection, settings) => new ScgiSession(connection, settings),
};
