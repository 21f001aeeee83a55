/** What the env files of a pool say. Their values are never shown, so messages name lines, not contents. */
import { parseEnvFile } from './env-file.ts';
import type { ConfigFiles } from './files.ts';
import { type Problem, problem } from './problems.ts';
import type { Said } from './said.ts';
import { variableNameProblem } from './schema/environment.ts';

export interface Secrets {
  readonly variables: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
}

/** Later files win. `said` is `env_files` as it was said, for the places of its items. */
export function readSecrets(paths: readonly string[], said: Said | undefined, files: ConfigFiles): Secrets {
  const variables = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [at, path] of paths.entries()) {
    const place = said?.items[at] ?? said?.place ?? { file: path };
    const text = files.text(path, { place, key: 'env_files' });
    if (!text.ok) {
      problems.push(text.problem);
      continue;
    }
    const parsed = parseEnvFile(text.value);
    for (const it of parsed.mistakes) {
      const remedy = 'write KEY=VALUE, or begin the line with # for a comment';
      problems.push(
        problem('CONFIG_SYNTAX', { file: path, line: it.line, column: 1 }, it.message, {
          key: 'env_files',
          remedy,
        }),
      );
    }
    for (const [name, { value, line }] of parsed.variables) {
      const why = variableNameProblem(name);
      const remedy = 'remove the line, or give the variable another name';
      if (why === null) variables.set(name, value);
      else
        problems.push(
          problem('CONFIG_VALUE', { file: path, line, column: 1 }, why, { key: 'env_files', remedy }),
        );
    }
  }
  return { variables: Object.fromEntries(variables), problems };
}
