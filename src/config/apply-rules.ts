/** Runs rules over validated keys; a rule that looks at a broken key is left out, its finding would be about nothing. */

import { placesOf } from './effective.ts';
import { type Problem, problem } from './problems.ts';
import type { Rule, RuleContext } from './rule.ts';
import type { SaidMap } from './said.ts';
import type { Validated } from './validate.ts';

export interface Applied {
  readonly problems: readonly Problem[];
  /** Notices about values that have no effect here. */
  readonly unused: readonly Problem[];
}

/** `file` is where a key belongs that nobody said. */
export function applyRules<Keys>(
  rules: readonly Rule<Keys>[],
  validated: Validated<Keys>,
  said: SaidMap,
  file: string,
  context: RuleContext,
): Applied {
  const places = placesOf(said);
  const problems: Problem[] = [];
  const unused: Problem[] = [];
  for (const rule of rules) {
    if ([rule.key, ...(rule.with ?? [])].some(key => validated.broken.has(key))) continue;
    const finding = rule.find(validated.keys, context);
    if (!finding) continue;
    const place = places.get(rule.key) ?? { file, line: 1, column: 1 };
    const parts = { key: rule.key, remedy: finding.remedy };
    const { code, message, severity } = finding;
    if (severity === 'unused') unused.push(problem(code, place, message, parts, 'notice'));
    else problems.push(problem(code, place, message, parts, severity));
  }
  return { problems, unused };
}
