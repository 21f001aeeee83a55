/** What a rule between keys is, and what several of them share. */
import { basename } from 'node:path';
import type { ErrorCode } from '../errors.ts';

export interface RuleContext {
  /** Of the supervisor. */
  readonly uid: number;
}

export interface Finding {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  /** `unused` is a notice as well, but none about a value that another pool shares and uses. */
  readonly severity?: 'notice' | 'unused';
}

export interface Rule<Keys> {
  /** The key that a finding is about: where it was said is where the finding is. */
  readonly key: string;
  /** The other keys that it looks at. */
  readonly with?: readonly string[];
  find(keys: Keys, context: RuleContext): Finding | null;
}

/** php-cgi, php-cgi8.2: it counts its own requests and finishes the one in hand on SIGTERM. */
export function isPhpCgi(command: readonly string[]): boolean {
  return basename(command[0] ?? '').startsWith('php-cgi');
}

export function conflict(message: string, remedy: string): Finding {
  return { code: 'CONFIG_CONFLICT', message, remedy };
}
