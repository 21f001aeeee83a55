/** What the application's side of a FastCGI connection hears of the web server. */
import type { Pair } from '../pair.ts';

export type FastcgiServerEvent =
  /** FCGI_PARAMS is complete; the role is responder. */
  | {
      readonly type: 'request';
      readonly requestId: number;
      readonly keepConnection: boolean;
      readonly params: readonly Pair[];
    }
  /** Begun, but not to be served: to be ended with this status. What still comes of it is passed over. */
  | {
      readonly type: 'refused';
      readonly requestId: number;
      readonly keepConnection: boolean;
      readonly protocolStatus: number;
    }
  /** The chunk is a view of what was pushed. */
  | { readonly type: 'body'; readonly requestId: number; readonly chunk: Buffer }
  | { readonly type: 'body-end'; readonly requestId: number }
  /** To be ended and finish()ed like every other. Before the parameters are complete, no 'request' has come. */
  | { readonly type: 'abort'; readonly requestId: number; readonly keepConnection: boolean }
  | { readonly type: 'get-values'; readonly names: readonly Buffer[] }
  | { readonly type: 'unknown-type'; readonly recordType: number };
