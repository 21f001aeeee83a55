/**
 * What a caller may read of an answer. Whoever may do all reads all of it; a pool's user reads what concerns its pools:
 * of configuration, paths and errors of others it learns that there is something, and not what. Everything that a pool's
 * user may ask passes here.
 */
import type { ReloadResult } from '../commands/reload.ts';
import { FpmError, messageOf, NOT_YOURS, type Part } from '../errors.ts';
import type { Caller } from '../keeper/supervision/access.ts';
import type { LastReload, Status } from '../observe/status.ts';

/** Made by us of what the caller has asked: there is nothing of others in them. */
const HARMLESS: readonly string[] = ['USAGE', 'NOT_ALLOWED', 'POOL_STOPPED', 'POOL_PAUSED'];

export function errorFor(caller: Caller, error: FpmError): FpmError {
  const { code, parts, place } = error;
  if (caller.mayDoAll || HARMLESS.includes(code)) return error;
  if (code === 'NO_SUCH_POOL') return new FpmError(code, 'there is no such pool any more');
  const own = parts.filter(part => isOwn(caller, part));
  if (own.length === 0) return new FpmError('FAILED', `nothing was done: ${NOT_YOURS}`);
  const isPlaceOwn = place.file !== undefined && caller.ownFiles.includes(place.file);
  return new FpmError(
    code,
    messageOf(parts, part => isOwn(caller, part)),
    isPlaceOwn ? place : {},
    own,
  );
}

export function statusFor(caller: Caller, status: Status, reloadParts: readonly Part[]): Status {
  if (caller.mayDoAll) return status;
  const { last_reload: reload, last_upgrade: upgrade } = status;
  return {
    ...status,
    last_reload: reload === null ? null : lastReloadFor(caller, reload, reloadParts),
    last_upgrade: upgrade === null || upgrade.ok ? upgrade : { ...upgrade, message: NOT_YOURS },
    needs_restart: null,
    running_settings: null,
  };
}

export function reloadFor(
  caller: Caller,
  result: Omit<ReloadResult, 'notices'> & { readonly notices: readonly Part[] },
): ReloadResult {
  const isShown = (part: Part): boolean => caller.mayDoAll || isOwn(caller, part);
  return {
    ...result,
    needs_restart: caller.mayDoAll ? result.needs_restart : [],
    notices: result.notices.filter(isShown).map(({ text }) => text),
  };
}

function lastReloadFor(caller: Caller, reload: LastReload, parts: readonly Part[]): LastReload {
  return reload.ok ? reload : { ...reload, message: messageOf(parts, part => isOwn(caller, part)) };
}

function isOwn(caller: Caller, { pool, file }: Part): boolean {
  if (pool !== null) return caller.ownPools.includes(pool);
  return file !== null && caller.ownFiles.includes(file);
}
