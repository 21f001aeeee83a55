/**
 * `$pool`, `${env:NAME}`, `${here}`, `${run_dir}`, `${node}` and `$$` in the strings of a configuration. A
 * dollar sign that begins no name is itself, so `$?` in a shell command needs no doubling; one that begins
 * a name we do not know is an error, because an empty string in its place could be any path at all.
 */

export interface ExpandContext {
  /** Undefined where there is no one pool: in fpm-ts.toml outside [defaults]. */
  readonly pool: string | undefined;
  /** The directory of the file that says the value. */
  readonly here: string;
  /** Undefined while it is itself being read. */
  readonly runDir: string | undefined;
  /** The Node that runs us: a worker's PATH may not have it. */
  readonly node: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Expanded =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string; readonly remedy: string };

const REFERENCE = /\$(?:\$|\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*)|(\{))/g;

/** Expands one string; the first reference that cannot be expanded is the error. */
export function expand(text: string, context: ExpandContext): Expanded {
  let failure: Expanded | null = null;
  const expanded = text.replace(REFERENCE, (reference, braced?: string, bare?: string, open?: string) => {
    if (reference === '$$') return '$';
    const name = braced ?? bare ?? '';
    const value = open ? undefined : lookUp(name, braced !== undefined, context);
    if (value === undefined) failure ??= refused(reference, name, braced !== undefined, context);
    return value ?? reference;
  });
  return failure ?? { ok: true, text: expanded };
}

/** The inverse: what expands to the given text. */
export function escapeExpansion(text: string): string {
  return text.replace(/\$(?=[${A-Za-z_])/g, '$$$$');
}

function lookUp(name: string, isBraced: boolean, context: ExpandContext): string | undefined {
  if (name === 'pool') return context.pool;
  if (!isBraced) return undefined;
  if (name === 'here') return context.here;
  if (name === 'node') return context.node;
  if (name === 'run_dir') return context.runDir;
  const variable = name.startsWith('env:') ? name.slice('env:'.length) : '';
  return Object.hasOwn(context.env, variable) ? context.env[variable] : undefined;
}

function refused(reference: string, name: string, isBraced: boolean, context: ExpandContext): Expanded {
  const literal = `for a dollar sign itself, write $$`;
  if (isBraced && name.startsWith('env:')) {
    const variable = name.slice('env:'.length);
    if (variable === '')
      return {
        ok: false,
        message: `${reference} names no environment variable`,
        remedy: `write \${env:NAME}; ${literal}`,
      };
    const message = `the environment variable ${variable} is not set`;
    return { ok: false, message, remedy: `set ${variable} where fpm-ts is started, or write the value here` };
  }
  if (name === 'pool')
    return { ok: false, message: '$pool is only known in a pool file and in [defaults]', remedy: literal };
  if (name === 'run_dir' && isBraced) {
    return { ok: false, message: `${reference} is not known yet where it is set`, remedy: 'write the path' };
  }
  const meant = meantBy(name, isBraced, context);
  return {
    ok: false,
    message: `${reference} is not a variable`,
    remedy: meant === null ? literal : `write ${meant}; ${literal}`,
  };
}

function meantBy(name: string, isBraced: boolean, context: ExpandContext): string | null {
  if (!isBraced && ['here', 'node', 'run_dir'].includes(name)) return `\${${name}}`;
  if (!isBraced && name.startsWith('pool')) return `\${pool}${name.slice('pool'.length)}`;
  return context.env[name] === undefined ? null : `\${env:${name}}`;
}
