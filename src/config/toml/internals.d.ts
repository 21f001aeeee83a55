/**
 * The two halves of the `toml` package, which it does not declare: the parser, whose nodes know where they
 * stand in the text, and the compiler, which makes values of them. `toml` is pinned to one version for this;
 * test/unit/config/locate.test.ts fails when an update changes the nodes.
 *
 * `toml-eslint-parser` 1.0.3 has a public syntax tree, and was tried in its place. It stops at the first
 * problem as well, a key that is set twice included, and then has no tree: the corrections of parse.ts and
 * compile.ts would work on text instead of nodes. Its values are not safe: it loses `__proto__` and rounds
 * integers beyond 64 bits without a word, overflows the stack on deep lists, makes a Date of a local time,
 * and refuses a byte order mark. With the values from `toml` and only the places from it, 300 pool files
 * take 340 ms of processor time instead of 200 ms, and each start 7 ms more. (Alone it takes 120 ms.)
 */
declare module 'toml/lib/parser.js' {
  import type { TomlNode } from './nodes.ts';

  const parser: { parse(text: string): TomlNode[] };
  export default parser;
}

declare module 'toml/lib/compiler.js' {
  import type { TomlNode } from './nodes.ts';

  const compiler: { compile(nodes: readonly TomlNode[], text: string): Record<string, unknown> };
  export default compiler;
}
