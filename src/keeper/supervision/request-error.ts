/** Why a request on the control socket is not carried out, where its HTTP status says more than the class of the error. */
import { type ErrorCode, FpmError } from '../../errors.ts';

export type Headers = Readonly<Record<string, string>>;

export class RequestError extends FpmError {
  readonly status: number;
  readonly headers: Headers;

  constructor(status: number, message: string, headers: Headers = {}, code: ErrorCode = 'USAGE') {
    super(code, message);
    this.status = status;
    this.headers = headers;
  }
}

/** The client closed its connection before its request was complete: there is nobody to answer. */
export class ClientLeft extends Error {
  constructor() {
    super('the client has left');
    this.name = 'ClientLeft';
  }
}
