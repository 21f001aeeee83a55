/** The nodes of the `toml` package's parser, as far as we read them. Offsets are in UTF-16 units. */
export type TomlNode = AssignNode | HeaderNode;

/** `a.b = 1` */
export interface AssignNode {
  readonly type: 'Assign';
  readonly key: readonly string[];
  readonly value: ValueNode;
  /** Of the key. */
  readonly offset: number;
}

/** `[a.b]` and `[[a.b]]` */
export interface HeaderNode {
  readonly type: 'ObjectPath' | 'ArrayPath';
  readonly value: readonly string[];
  readonly offset: number;
}

export type ValueNode =
  | { readonly type: 'Array'; readonly value: readonly ValueNode[]; readonly offset: number }
  | { readonly type: 'InlineTable'; readonly value: readonly InlineEntry[]; readonly offset: number }
  | { readonly type: ScalarType; readonly value: unknown; readonly offset: number };

type ScalarType =
  | 'String'
  | 'Integer'
  | 'Float'
  | 'Boolean'
  | 'Date'
  | 'LocalDateTime'
  | 'LocalDate'
  | 'LocalTime';

/** `b = 1` inside `{ }` */
export interface InlineEntry {
  readonly type: 'InlineTableValue';
  readonly key: readonly string[];
  readonly value: ValueNode;
  readonly offset: number;
}

/** An element of a list counts from 0. */
export type TomlPath = readonly (string | number)[];

/** Both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}
