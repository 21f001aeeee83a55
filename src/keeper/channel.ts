/** Typed messages as lines of JSON over a stream socket; both ends of the protocol use it. */
import { Socket } from 'node:net';

export class Channel<Out, In> {
  readonly #socket: Socket;
  #partial: string[] = [];

  /**
   * @param descriptor a connected stream socket, which becomes the channel's
   * @param onMessage is called with each message in order
   * @param onEnd is called once when the other side is gone
   */
  constructor(descriptor: number, onMessage: (message: In) => void, onEnd: () => void) {
    this.#socket = new Socket({ fd: descriptor, readable: true, writable: true });
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (text: string) => this.#receive(text, onMessage));
    this.#socket.on('error', () => {}); // a reset by the other side's death; 'close' follows
    this.#socket.on('close', onEnd);
  }

  /** Messages to a side that has gone are dropped: its successor asks for everything anew. */
  send(message: Out): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  close(): void {
    this.#socket.end();
  }

  #receive(text: string, onMessage: (message: In) => void): void {
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#partial.push(text.slice(from, end));
      const line = this.#partial.join('');
      this.#partial = [];
      from = end + 1;
      onMessage(JSON.parse(line) as In);
    }
    if (from < text.length) this.#partial.push(text.slice(from));
  }
}
