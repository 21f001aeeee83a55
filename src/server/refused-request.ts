/** A request that the program does not get to see: what the client is told instead. */
export class RefusedRequest extends Error {
  readonly status: number;
  /** Set when it is the web server that has to be configured: one line for the log. */
  readonly remedy: string | null;

  /** @param message for the client: it must not show anything of this machine */
  constructor(status: number, message: string, remedy: string | null = null) {
    super(message);
    this.name = 'RefusedRequest';
    this.status = status;
    this.remedy = remedy;
  }
}
