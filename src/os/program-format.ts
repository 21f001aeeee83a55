/** Whether execve(2) would take a file: what the kernel's binary formats (ELF, `#!`, binfmt_misc) say to its beginning. */
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { read } from './proc.ts';

/** Linux looks at this much of a file (BINPRM_BUF_SIZE). */
export const HEAD_BYTES = 256;

const ELF = Buffer.from('\x7fELF', 'latin1');
const SCRIPT = Buffer.from('#!');

/** A format that an administrator has registered (binfmt_misc): by bytes of the file, or by the end of its name. */
export type RegisteredFormat =
  | { readonly offset: number; readonly magic: Buffer; readonly mask: Buffer | null }
  | { readonly extension: string };

/** @param head the first HEAD_BYTES of the file, or all that it has */
export function isProgramFormat(
  path: string,
  head: Buffer,
  registered: readonly RegisteredFormat[] = registeredFormats(),
): boolean {
  const startsWith = (magic: Buffer): boolean => head.subarray(0, magic.length).equals(magic);
  return startsWith(ELF) || startsWith(SCRIPT) || registered.some(format => fits(format, path, head));
}

function fits(format: RegisteredFormat, path: string, head: Buffer): boolean {
  if ('extension' in format) return extname(`x${path}`) === format.extension;
  const { offset, magic, mask } = format;
  if (offset + magic.length > head.length) return false;
  return magic.every((byte, at) => ((byte ^ head.readUInt8(offset + at)) & (mask?.[at] ?? 0xff)) === 0);
}

/** Those in force; none where the directory is not mounted, as in most containers. */
export function registeredFormats(directory = '/proc/sys/fs/binfmt_misc'): RegisteredFormat[] {
  if (read(join(directory, 'status'))?.trim() !== 'enabled') return [];
  return readdirSync(directory)
    .filter(name => name !== 'status' && name !== 'register')
    .flatMap(name => parseFormat(read(join(directory, name)) ?? '') ?? []);
}

/** An entry as the kernel prints it (bm_entry_read in fs/binfmt_misc.c); null when it is disabled or not understood. */
export function parseFormat(text: string): RegisteredFormat | null {
  const [state, ...lines] = text.trimEnd().split('\n');
  if (state !== 'enabled') return null;
  const value = (name: string): string | undefined =>
    lines.find(line => line.startsWith(`${name} `))?.slice(name.length + 1);
  const extension = value('extension');
  if (extension !== undefined) return { extension };
  const [magic, mask] = [value('magic'), value('mask')];
  if (magic === undefined) return null;
  return {
    offset: Number(value('offset') ?? 0),
    magic: Buffer.from(magic, 'hex'),
    mask: mask === undefined ? null : Buffer.from(mask, 'hex'),
  };
}
