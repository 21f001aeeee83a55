/** The systemd unit of this installation: the packaged one with its paths, or a plain one for a user's own manager. */

export interface UnitPaths {
  readonly node: string;
  /** main.js. */
  readonly entry: string;
  readonly configFile: string;
}

/** Directories that ProtectHome= hides. */
const HOMES = /^\/(home|root|run\/user)\//;

/** What the packaged unit calls; a sh of its own stands behind it there. */
const PACKAGED_PROGRAM = '/usr/bin/fpm-ts';

export function unitText(template: string, paths: UnitPaths): string {
  const program = [paths.node, paths.entry, '--config', paths.configFile].map(word).join(' ');
  const text = template.replaceAll(PACKAGED_PROGRAM, () => program);
  if (!HOMES.test(paths.node) && !HOMES.test(paths.entry) && !HOMES.test(paths.configFile)) return text;
  return text.replace(
    /^ProtectHome=.*$/m,
    '# fpm-ts is installed in a home directory, which must be seen.\nProtectHome=read-only',
  );
}

/** A word of ExecStart= (systemd.service(5)): quoted where it must be, and neither % nor $ begin anything. */
function word(path: string): string {
  const plain = path.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@:,.+/%$-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, '\\$&')}"`;
}
