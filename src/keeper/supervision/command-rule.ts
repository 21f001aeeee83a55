/**
 * What the control socket must know of a command before it reads its arguments. The keeper gets these rules as data
 * when it starts (src/commands/ declares them), so that it answers as the supervisor does.
 */
export interface CommandRule {
  readonly name: string;
  readonly method: 'GET' | 'POST';
  /** The user of a pool may use it for that pool. */
  readonly isForPoolUsers: boolean;
  /** Whether the keeper does this by itself while no supervisor is running. */
  readonly keeperCan: (args: RawArgs) => boolean;
}

/** Arguments as they came: only a supervisor holds them against their schema. */
export type RawArgs = Readonly<Record<string, unknown>>;

export function pathOf({ name }: Pick<CommandRule, 'name'>): string {
  return `/v1/${name}`;
}
