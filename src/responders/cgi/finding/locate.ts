/** From the variables of a request to a script that may be run, or the reason why none is. */
import { closeSync, constants as files } from 'node:fs';
import { constants } from 'node:os';
import { FpmError } from '../../../errors.ts';
import { SystemError } from '../../../os/libc.ts';
import {
  mayAccess,
  openat2Obstacle,
  openDirectory,
  RESOLVE,
  WORKING_DIRECTORY,
} from '../../../os/openat2.ts';
import { isRefusal, type LocatedScript, type Refusal } from '../located.ts';
import type { CgiSettings } from '../settings.ts';
import {
  type AskedScript,
  askedScript,
  furtherInPathInfo,
  scriptVariables,
  type Variables,
} from './asked-script.ts';
import { shown } from './bytes.ts';
import { type ProgramRules, programRules } from './program.ts';
import { type Place, Roots } from './roots.ts';

export interface Locator {
  locate(variables: Variables): LocatedScript | Refusal;
  /** Closes the roots. */
  close(): void;
}

const HERE: Buffer = Buffer.from('.');
const STAY: Buffer = Buffer.from('-');
/** php-cgi wants to hear that it was not asked for by itself (cgi.force_redirect). nginx's scgi_params do not say it. */
const OK: Buffer = Buffer.from('200');
const NOTHING_ASKED: Refusal = {
  status: 404,
  reason: 'the web server names no script: it must send SCRIPT_FILENAME, or DOCUMENT_ROOT and SCRIPT_NAME',
};

/**
 * Opens the roots, so that the way to them matters no more: call it before root is given up.
 * @throws {FpmError} USAGE for a root that cannot be opened, FAILED where the kernel cannot do what this needs
 */
export function createLocator(settings: CgiSettings): Locator {
  demandKernel();
  // Programs alone are all that is allowed, wherever they stand.
  const roots = new Roots(settings.roots.length > 0 ? settings.roots : ['/']);
  const rules = programRules(settings);
  return {
    locate(variables) {
      const asked = askedScript(variables);
      return asked === null ? NOTHING_ASKED : locate(asked, variables, roots, rules);
    },
    close: () => roots.close(),
  };
}

function locate(
  asked: AskedScript,
  variables: Variables,
  roots: Roots,
  rules: ProgramRules,
): LocatedScript | Refusal {
  const place = roots.find(asked.path);
  if (isRefusal(place)) return place;
  const further = place.stat.isDirectory() ? furtherInPathInfo(asked) : null;
  if (further !== null) {
    release(place);
    return locate(further, variables, roots, rules);
  }
  const script = scriptAt(place, asked, variables, rules);
  if (isRefusal(script)) release(place);
  return script;
}

/** Takes the place over where it succeeds. */
function scriptAt(
  place: Place,
  asked: AskedScript,
  variables: Variables,
  rules: ProgramRules,
): LocatedScript | Refusal {
  const program = rules(place);
  if (isRefusal(program)) return program;
  const { file, path, rest } = place;
  const directory = workingDirectory(place, variables.get('FCGI_CHDIR'));
  if (directory < 0) {
    const { message } = new SystemError('open', -directory, shown(variables.get('FCGI_CHDIR') ?? path));
    return {
      status: 403,
      reason: `FCGI_CHDIR: ${message}; the web server must name a directory that uid ${process.geteuid?.()} may enter`,
    };
  }
  const { interpreter } = program;
  const told = scriptVariables(variables, asked, rest);
  if (interpreter !== null && !variables.has('REDIRECT_STATUS')) told.set('REDIRECT_STATUS', OK);
  return { file, directory, path, interpreter, variables: told };
}

/** As fcgiwrap has it: the script's own directory, the one that the web server says, or with `-` that of this process. */
function workingDirectory({ directory }: Place, said: Buffer | undefined): number {
  if (said === undefined || said.length === 0) return directory;
  const path = said.equals(STAY) ? HERE : said;
  const opened = openDirectory(WORKING_DIRECTORY, path, RESOLVE.noMagicLinks);
  if (opened < 0) return opened;
  const mayEnter = mayAccess(opened, files.X_OK); // a reference says nothing of that, and the start would blame the script
  closeSync(mayEnter ? directory : opened);
  return mayEnter ? opened : -constants.errno.EACCES;
}

function release({ file, directory }: Place): void {
  closeSync(file);
  closeSync(directory);
}

/** @throws {FpmError} */
function demandKernel(): void {
  const errno = openat2Obstacle();
  if (errno === null) return;
  const { message } = new SystemError('openat2', errno);
  throw new FpmError(
    'FAILED',
    `cgi: ${message}: scripts are found with openat2(2) and faccessat2(2), which Linux has since 5.8. On an older kernel, or in a container whose seccomp profile is older than that, this cannot run`,
  );
}
