/** Where an instance can be found. */
export interface Instance {
  readonly socket: string;
  readonly runDir: string;
  readonly pidFile: string;
  /** Named by its keeper, too; null: it runs without. */
  readonly configFile: string | null;
}
