/** Cuts what a script writes to stderr into the lines of a log, whatever the pieces in which it arrives. */
import { ByteBuilder } from '../../../protocols/byte-builder.ts';

const LF = 0x0a;

export class LineCutter {
  readonly #maxBytes: number;
  readonly #emit: (line: Buffer, isCut: boolean) => void;
  readonly #begun = new ByteBuilder();
  /** The rest of a line that is too long is passed over. */
  #isPassing = false;

  /** @param emit called with each line, without its end; it is cut when it was longer than `maxBytes` */
  constructor(maxBytes: number, emit: (line: Buffer, isCut: boolean) => void) {
    this.#maxBytes = maxBytes;
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const lineEnd = chunk.indexOf(LF, at);
      const piece = chunk.subarray(at, lineEnd < 0 ? chunk.length : lineEnd);
      this.#take(piece);
      if (lineEnd < 0) return;
      this.#endLine();
      at = lineEnd + 1;
    }
  }

  /** The last line has no end. */
  end(): void {
    if (this.#begun.length > 0) this.#endLine();
    this.#isPassing = false;
  }

  #take(piece: Buffer): void {
    if (this.#isPassing) return;
    const room = this.#maxBytes - this.#begun.length;
    this.#begun.add(piece.subarray(0, room));
    if (piece.length <= room) return;
    this.#emit(this.#begun.take(), true);
    this.#isPassing = true;
  }

  #endLine(): void {
    if (!this.#isPassing) this.#emit(this.#begun.take(), false);
    this.#isPassing = false;
  }
}
