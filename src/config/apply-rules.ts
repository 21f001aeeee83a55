/** Runs rules over validated keys; a rule that looks at a broken key is left out, its finding would be about nothing. */

import { placesOf } from './effective.ts';
import { type Problem, problem } from './problems.ts';
import type { Rule, RuleContext } from './rule.ts';
import type { SaidMap } from './said.ts';
import type { Validated } from './validate.ts';

/** `file` is where a key belongs that nobody said. */
export function applyRules<Keys>(
  rules: readonly Rule<Keys>[],
  validated: Validated<Keys>,
  said: SaidMap,
  file: string,
  context: RuleContext,
): Problem[] {
  const places = placesOf(said);
  return rules.flatMap(rule => {
    if ([rule.key, ...(rule.with ?? [])].some(key => validated.broken.has(key))) return [];
    const finding = rule.find(validated.keys, context);
    if (!finding) return [];
    const place = places.get(rule.key) ?? { file, line: 1, column: 1 };
    const parts = { key: rule.key, remedy: finding.remedy };
    return [problem(finding.code, place, finding.message, parts, finding.severity)];
  });
}
