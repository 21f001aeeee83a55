/** `fpm-ts init`: a first configuration, and a systemd unit for those who have no package of their distribution. */
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { USER_CONFIG_FILE, userConfigHome } from '../config/find.ts';
import { FpmError } from '../errors.ts';
import { type GlobalOptions, globals, print, printJson } from './context.ts';
import { example } from './example.ts';

interface InitOptions {
  readonly systemd?: boolean;
  readonly directory?: string;
}

export function registerInit(program: Command, entry: string): void {
  program
    .command('init')
    .description(
      'Write a first configuration with a pool that runs: to /etc/fpm-ts, or not as root to ~/.config/fpm-ts. What is there already is left as it is.',
    )
    .option('--directory <directory>', 'where to, instead')
    .option(
      '--systemd',
      "also write a unit that starts this installation, for the system or the user's manager",
    )
    .addHelpText('after', example('fpm-ts init --systemd', 'fpm-ts init --directory ./site'))
    .action(async (options: InitOptions, command: Command) => {
      const common = globals(command);
      const file = await target(common, options);
      const { written, existing, next } = await init(file, entry, options.systemd === true);
      if (common.json === true) return printJson({ config: file, written, existing, next });
      for (const path of written) print(`wrote ${path}`);
      for (const path of existing) print(`left as it is: ${path}`);
      print(`next:\n${next.map(line => `  ${line}`).join('\n')}`);
    });
}

const isRoot = (): boolean => process.getuid?.() === 0;

/** Where the other commands look when it is not said: SYSTEM_CONFIG_FILE is root's alone to write. */
async function target(common: GlobalOptions, { directory }: InitOptions): Promise<string> {
  const { findConfigFile, SYSTEM_CONFIG_FILE } = await import('../config/find.ts');
  if (directory !== undefined && common.config !== undefined)
    throw new FpmError('USAGE', '-c names the file and --directory the directory that it goes into: say one');
  if (directory !== undefined) return resolve(directory, 'fpm-ts.toml');
  const said = findConfigFile(common.config, process.env);
  if (said !== null && said !== SYSTEM_CONFIG_FILE) return said;
  return isRoot() ? SYSTEM_CONFIG_FILE : join(configHome(), USER_CONFIG_FILE);
}

/** A uid may have no entry in the password file, and then no home. */
function configHome(): string {
  try {
    return userConfigHome(process.env);
  } catch {
    throw new FpmError(
      'FAILED',
      'this user has no home directory to write to: name a place with --directory',
    );
  }
}

async function init(
  file: string,
  entry: string,
  withUnit: boolean,
): Promise<{ written: string[]; existing: string[]; next: string[] }> {
  const [{ packaged, writeConfiguration, writeNew }, { defaultRunDir }, { SYSTEM_CONFIG_FILE }] =
    await Promise.all([
      import('./init-files.ts'),
      import('../config/default-paths.ts'),
      import('../config/find.ts'),
    ]);
  const { written, existing } = writeConfiguration(file, {
    responder: join(dirname(entry), 'responders/hello.js'),
    runDir: defaultRunDir(process.getuid?.() ?? 0, process.env),
  });
  const ours = file === SYSTEM_CONFIG_FILE ? 'fpm-ts' : `fpm-ts -c ${file}`;
  const trial = written.length > 1 ? [`${ours} request hello /`] : [];
  if (!withUnit) {
    return {
      written: [...written],
      existing: [...existing],
      next: [`${ours} check`, `${ours} start --daemonize`, ...trial],
    };
  }
  const { unitText } = await import('./init-unit.ts');
  const place = isRoot() ? '/etc/systemd/system' : join(configHome(), 'systemd/user');
  const unit = join(place, 'fpm-ts.service');
  const template = packaged(isRoot() ? 'systemd/fpm-ts.service' : 'starter/fpm-ts.user.service');
  const paths = { node: process.execPath, entry, configFile: file };
  const isNew = writeNew(unit, unitText(template, paths));
  const systemctl = isRoot() ? 'systemctl' : 'systemctl --user';
  return {
    written: [...written, ...(isNew ? [unit] : [])],
    existing: [...existing, ...(isNew ? [] : [unit])],
    next: [
      `${ours} check`,
      `${systemctl} daemon-reload`,
      `${systemctl} enable --now fpm-ts`,
      ...trial,
      // A user's manager ends with the last session unless it is told to stay.
      ...(isRoot() ? [] : ['loginctl enable-linger']),
    ],
  };
}
