/** What the keeper does with a listening socket, whatever its kind. */
import type { ListenerSpec } from './protocol.ts';

export interface OpenListener {
  readonly spec: ListenerSpec;
  readonly descriptor: number;
  /** New connections to the address come here. */
  readonly isPublic: boolean;
  /** Gives it other settings, its address apart; one that refuses takes connections again. */
  adjust(spec: ListenerSpec): void;
  /** New connections come here from now on and no longer to the one beside it. Harmless twice. */
  publish(): void;
  /** Takes no new connections; those that wait or are half open stay. */
  refuse(): void;
  close(): void;
}
