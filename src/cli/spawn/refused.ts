/** A spawn that did not happen, told as spawn-fcgi tells it. */

/** What spawn-fcgi's `return -1` in main becomes. */
export const REFUSED = 255;

export class SpawnRefused extends Error {
  readonly exitCode: number;

  /** @param message one line or several; each is printed behind `spawn-fcgi: ` */
  constructor(message: string, exitCode: number = REFUSED) {
    super(message);
    this.name = 'SpawnRefused';
    this.exitCode = exitCode;
  }
}
