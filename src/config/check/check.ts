/**
 * The configuration as the system stands: what `fpm-ts check`, `start` and `reload` find beyond the files
 * themselves. One verdict for all three; each subject has a file of its own.
 */
import { setImmediate } from 'node:timers/promises';
import type { Endpoint } from '../../os/address.ts';
import { NOBODY } from '../../os/exchange.ts';
import type { FileUser } from '../../os/file-rights.ts';
import { parseAddress } from '../address.ts';
import { type Obstacles, type Problem, sortProblems } from '../problems.ts';
import type { Sources } from '../sources.ts';
import type { GlobalConfig, PoolConfig } from '../types.ts';
import { checkArguments } from './arguments.ts';
import { checkCommand, checkEnv, checkHelpers } from './command.ts';
import { Findings, type Report, type Untested } from './findings.ts';
import { checkControlGroup, checkIdentity, checkSocketOwner } from './identity.ts';
import { checkLimits, checkWorkerSum, readSystemLimits, type SystemLimits } from './limits.ts';
import { type LeftListeners, NOTHING_LEFT } from './occupant.ts';
import { checkOverlaps } from './overlap.ts';
import { checkOwnFiles, checkPoolLog } from './own-files.ts';
import { currentSelf, type Self } from './self.ts';
import { checkSocketPath } from './socket-path.ts';
import { checkTcpAddress, endpointOf, type TcpSurroundings, tcpSurroundings } from './tcp-address.ts';
import { checkTrust } from './trust.ts';
import { checkDirectory, checkDocumentRoot, lookAsWorker } from './worker-view.ts';

export type { Untested } from './findings.ts';

export interface CheckOptions {
  /** `listen.address.text` of what the running supervisor of this configuration holds: that is not taken. */
  readonly ownAddresses: ReadonlySet<string>;
  /** What the last keeper has left in the run directory; nothing when left out. */
  readonly left?: LeftListeners;
  /** Names of the sockets that the service manager passed; left out outside the service, where nobody knows. */
  readonly inheritedSockets?: ReadonlySet<string>;
  /** Who would start; this process when left out. */
  readonly self?: Self;
  readonly limits?: SystemLimits;
  /** Where setpriv and its like are looked for; the system's directories when left out. */
  readonly helperPath?: string;
  /** What the pools' `pass_env` and `clear_env = false` take from. */
  readonly env?: NodeJS.ProcessEnv;
  /** Only these are looked at, and what is for all; every pool when left out. */
  readonly pools?: ReadonlySet<string>;
}

export interface SystemCheck {
  /** By file and line: what keeps the whole configuration from being used, and notices. */
  readonly problems: Problem[];
  /** What keeps one pool from being used. */
  readonly obstacles: Obstacles;
  readonly untested: Untested[];
}

interface Surroundings {
  readonly config: GlobalConfig;
  readonly options: CheckOptions;
  readonly self: Self;
  readonly limits: SystemLimits;
  readonly tcp: TcpSurroundings;
}

export async function checkSystem(
  config: GlobalConfig,
  sources: Sources,
  options: CheckOptions,
): Promise<SystemCheck> {
  const findings = new Findings(sources);
  const self = options.self ?? currentSelf();
  const around: Surroundings = {
    config,
    options,
    self,
    limits: options.limits ?? readSystemLimits(),
    tcp: tcpSurroundings(ownEndpoints(options.ownAddresses), options.left ?? NOTHING_LEFT),
  };
  const global = findings.about(null);
  checkControlGroup(config, global);
  checkOwnFiles(config, self, global);
  checkWorkerSum(config, global);
  checkOverlaps(config, findings);
  findings.problems.push(...checkTrust(sources.documents, config, self));
  for (const pool of config.pools) {
    if (options.pools?.has(pool.name) === false) continue;
    if (pool.enabled) checkPool(pool, around, findings.about(pool.name));
    else findings.about(pool.name).untested('all of it', 'enabled = false');
    await setImmediate(); // a reload of many pools must not hold up the supervisor's loop
  }
  const { problems, obstacles, untested } = findings;
  return { problems: sortProblems(problems), obstacles, untested };
}

function checkPool(pool: PoolConfig, around: Surroundings, report: Report): void {
  const { self, limits, options, config } = around;
  checkSocketOwner(pool, self, report);
  checkLimits(pool, self, limits, report);
  checkArguments(pool, options.env ?? process.env, limits.argumentsMax, report);
  checkPoolLog(pool, config.runDir, self, report);
  const actor = checkIdentity(pool, self, report);
  checkAddress(pool, actor ?? NOBODY, around, report);
  if (actor === null) {
    report.untested('command and directories', 'it is not known who the workers are');
    return;
  }
  lookAsWorker(pool, actor, self, options.env ?? process.env, report, (view, inside) => {
    checkDirectory(view, inside);
    checkDocumentRoot(pool, view, inside);
    checkCommand(pool, view, self, inside);
    checkEnv(pool, view, self, options, inside);
  });
  checkHelpers(pool, actor, self, report, options.helperPath);
}

function checkAddress(
  pool: PoolConfig,
  user: FileUser,
  { self, options, tcp, config }: Surroundings,
  report: Report,
): void {
  const { address } = pool.listen;
  const isOurs = options.ownAddresses.has(address.text);
  switch (address.type) {
    case 'unix':
      checkSocketPath(
        { key: 'listen.address', path: address.path, runDir: config.runDir, isOurs, left: tcp.left, user },
        self,
        report,
      );
      return;
    case 'tcp':
      checkTcpAddress(address, tcp, self, report);
      return;
    case 'systemd':
      checkInherited(address.name, options, report);
      return;
    case 'none':
      return;
  }
}

function checkInherited(name: string, { inheritedSockets }: CheckOptions, report: Report): void {
  if (inheritedSockets === undefined) {
    report.untested('listen.address', 'only the service is passed sockets by systemd');
    return;
  }
  if (inheritedSockets.has(name)) return;
  const passed = [...inheritedSockets].join(', ') || 'none';
  report.error(
    'listen.address',
    `the service manager passed no socket named ${name}; it passed: ${passed}`,
    `add a .socket unit with FileDescriptorName=${name}`,
  );
}

function ownEndpoints(addresses: ReadonlySet<string>): Endpoint[] {
  return [...addresses].flatMap(text => {
    const parsed = parseAddress(text);
    return parsed.ok && parsed.address.type === 'tcp' ? [endpointOf(parsed.address)] : [];
  });
}
