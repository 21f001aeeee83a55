/**
 * The two halves of the `toml` package, which it does not declare: the parser, whose nodes know where they
 * stand in the text, and the compiler, which makes values of them. `toml` is pinned to one version for this;
 * test/unit/config/locate.test.ts fails when an update changes the nodes.
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
