/**
 * What people write where TOML wants something else, each answered with the line as it should be. A hint is
 * a guess about one line, so it is only given when the corrected line is valid by itself.
 */
import parser from 'toml/lib/parser.js';
import { tomlKey, tomlString } from './write.ts';

export interface Mistake {
  readonly message: string;
  /** The corrected line. */
  readonly line: string;
  /** What reading goes on with where that line is no more than an example. */
  readonly instead?: string;
}

type Rule = (key: string, value: string) => Mistake | null;

const ASSIGNMENT = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=\s*(.*?)\s*$/;

/** php-fpm's `env[NAME] = value`. */
const INI_ARRAY = /^\s*(\w+)\[([^\]]*)\]\s*=\s*(.*?)\s*$/;
const INI_COMMENT = /^\s*;(.*)$/;
/** `key: value` as YAML has it, `key value` as nginx has it. */
const NO_EQUALS = /^\s*([a-z_][\w.-]*)\s*(?::\s|\s)\s*([^=\s][^=]*?);?\s*$/;

/** What is wrong with a line on which the parser stopped; null when it is nothing that we know. */
export function explainLine(line: string): Mistake | null {
  const mistake = guess(line);
  return mistake && isValid(mistake.line) ? mistake : null;
}

function guess(line: string): Mistake | null {
  const comment = INI_COMMENT.exec(line);
  if (comment) return { message: 'a comment begins with #', line: `#${comment[1] ?? ''}` };
  const assignment = ASSIGNMENT.exec(line);
  if (assignment) return firstOf(assignment[1] ?? '', withoutComment(assignment[2] ?? ''));
  const ini = INI_ARRAY.exec(line);
  if (ini) {
    const corrected = `${ini[1]}.${tomlKey(ini[2] ?? '')} = ${quoted(ini[3] ?? '')}`;
    return { message: `${ini[1]}[...] is written as a dotted key`, line: corrected };
  }
  const bare = NO_EQUALS.exec(line);
  if (bare)
    return { message: 'a key and its value are joined by =', line: `${bare[1]} = ${quoted(bare[2] ?? '')}` };
  return null;
}

const RULES: readonly Rule[] = [
  (key, value) => {
    if (value !== '') return null;
    return { message: `${key} has no value`, line: `${key} = ""`, instead: '' };
  },
  (key, value) => {
    if (!/^0[0-9]+$/.test(value)) return null;
    const isMode = /(mode|umask)$/.test(key);
    const message = `${value} is not a number in TOML: ${isMode ? 'modes are strings' : 'it begins with a zero'}`;
    return { message, line: `${key} = ${isMode ? `"${value}"` : Number(value)}` };
  },
  (key, value) => {
    if (!/^\d+(\.\d+)?(ms|s|m|h|d|%|[KMGTkmgt])$/.test(value)) return null;
    return {
      message: `${value} is not a number in TOML: a value with a unit is a string`,
      line: `${key} = "${value}"`,
    };
  },
  (key, value) => {
    const truth = /^(?:(yes|on|true)|no|off|false)$/i.exec(value);
    if (!truth) return null;
    return {
      message: `${value} is not a truth value in TOML`,
      line: `${key} = ${truth[1] ? 'true' : 'false'}`,
    };
  },
  (key, value) => {
    if (!/^"[^"]*$/.test(value) && !/^'[^']*$/.test(value)) return null;
    return { message: 'the string has no end', line: `${key} = ${tomlString(value.slice(1))}` };
  },
  (key, value) => {
    if (/^(["'[{]|[+-]?[\d_]+$)/.test(value)) return null;
    return {
      message: `${value} is a string, and a string stands in quotes`,
      line: `${key} = ${tomlString(value)}`,
    };
  },
];

function firstOf(key: string, value: string): Mistake | null {
  for (const rule of RULES) {
    const mistake = rule(key, value);
    if (mistake) return mistake;
  }
  return null;
}

function withoutComment(value: string): string {
  return /^["'[{]/.test(value) ? value : value.replace(/\s*#.*$/, '');
}

function quoted(value: string): string {
  return isValid(`x = ${value}`) ? value : tomlString(value);
}

function isValid(line: string): boolean {
  try {
    parser.parse(line);
    return true;
  } catch {
    return false;
  }
}
