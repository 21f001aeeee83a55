/** Names and values of a worker's environment, and the names that are never the user's to set. */
import * as z from 'zod';
import { type Kind, plain, plainText } from './kinds.ts';

/** These are between us and our own service manager, or change what Node does. */
const RESERVED = /^(NOTIFY_SOCKET|LISTEN_.*|WATCHDOG_.*|NODE_OPTIONS)$/;

export const VARIABLE_NAME: RegExp = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What `env` takes for a name, for messages. */
const VARIABLE_FORMS =
  'names of letters, digits and underscores, except NOTIFY_SOCKET, LISTEN_*, WATCHDOG_* and NODE_OPTIONS';

/** Why a variable of this name cannot be given to a worker; null when it can. */
export function variableNameProblem(name: string): string | null {
  if (!VARIABLE_NAME.test(name)) return `${JSON.stringify(name)} is not the name of a variable`;
  if (RESERVED.test(name))
    return `${name} never reaches a worker: it is reserved for the service manager and Node`;
  return null;
}

/** Longer than any that a program asks for: it is shown where a variable is talked of. */
const NAME_MAX_CHARS = 255;

/** As `variableNameProblem`, for a name that may be a part of a secret: it is not repeated. */
export function secretNameProblem(name: string): string | null {
  if (!VARIABLE_NAME.test(name) || name.length > NAME_MAX_CHARS)
    return 'what stands before the = is not the name of a variable';
  return variableNameProblem(name);
}

const variableName = z.string().superRefine((name, ctx) => {
  const problem = variableNameProblem(name);
  if (problem) ctx.addIssue({ code: 'custom', message: problem });
});

/** A number or a truth value is what it looks like as text. */
const variableValue = z.union([plainText, z.int(), z.boolean()]).transform(value => String(value));

export const variableNames: Kind<readonly string[]> = plain(
  z.array(variableName),
  `a list of ${VARIABLE_FORMS}`,
);

export const environment: Kind<Readonly<Record<string, string>>> = {
  schema: z.record(variableName, variableValue),
  allowed: `a table of strings, with ${VARIABLE_FORMS}`,
  unit: '',
  saved: z.record(z.string(), z.string()),
  print: value => value,
  isTable: true,
};
