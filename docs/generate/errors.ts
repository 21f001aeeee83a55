/** docs/errors.md: the registry of errors as a table. */
import { ERRORS, EXIT } from '../../src/errors.ts';

/** By the names of `EXIT`. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'it worked',
  failed: 'it failed, or a pool is degraded',
  usage: 'the command line was not understood',
  noSuchPool: 'no such pool',
  notRunning: 'no supervisor is running',
  alreadyRunning: 'a supervisor is already running',
  notAllowed: 'not allowed',
  config: 'configuration error',
};

export function errorsPage(): string {
  const exits = Object.entries(EXIT).map(
    ([name, code]) => `| ${code} | ${EXIT_MEANINGS[name as keyof typeof EXIT]} |`,
  );
  const errors = Object.entries(ERRORS).map(
    ([code, kind]) => `| \`${code}\` | ${kind.exit} | ${kind.meaning} |`,
  );
  return `<!-- Generated from src/errors.ts by npm run generate. -->

# Errors

Every command that fails says why and ends with one of these exit codes (sysexits.h where it has one):

| exit code | meaning |
| --- | --- |
${exits.join('\n')}

With \`--json\` an error is printed as
\`{"error":{"code":"...","message":"...","file":null,"line":null,"column":null,"key":null}}\`. The codes do not
change between versions; the messages may.

| code | exit code | meaning |
| --- | --- | --- |
${errors.join('\n')}
`;
}
