/** The systemd unit of this installation: the packaged one with its paths, or a plain one for a user's own manager. */

export interface UnitPaths {
  readonly node: string;
  /** main.js. */
  readonly entry: string;
  readonly configFile: string;
}

/** What the packaged units call. */
const PACKAGED_PROGRAM = '/usr/bin/fpm-ts';

export function unitText(template: string, paths: UnitPaths): string {
  const program = [paths.node, paths.entry, '--config', paths.configFile].map(word).join(' ');
  return template.replaceAll(PACKAGED_PROGRAM, () => program);
}

/** A word of ExecStart= (systemd.service(5)): quoted where it must be, and neither % nor $ begin anything. */
function word(path: string): string {
  const plain = path.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@:,.+/%$-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, '\\$&')}"`;
}
