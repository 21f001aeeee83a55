/**
 * A body whose length is not known (a chunked upload, standard input) is stored first, because CGI programs
 * are told its length before they see it: what fits into a little memory stays there, the rest goes to a
 * temporary file that has no name any more when the first byte is written. nginx does the same with every body.
 */
import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

export interface SpooledBody {
  readonly lengthBytes: number;
  readonly stream: Readable;
  /** Gives the space back; to be called in any case. */
  close(): Promise<void>;
}

export interface SpoolLimits {
  readonly memoryBytes: number;
  readonly totalBytes: number;
}

export const DEFAULT_SPOOL_LIMITS: SpoolLimits = { memoryBytes: 256 * 1024, totalBytes: 1024 ** 3 };

/** The body is longer than the limit allows. */
export class SpoolLimitError extends Error {
  constructor(totalBytes: number) {
    super(`a body of unknown length may have up to ${totalBytes} bytes`);
    this.name = 'SpoolLimitError';
  }
}

/**
 * Reads the body to its end.
 * @throws SpoolLimitError with the rest unread; whatever the body or the temporary directory throws.
 */
export async function spoolBody(
  body: Readable,
  limits: SpoolLimits = DEFAULT_SPOOL_LIMITS,
): Promise<SpooledBody> {
  const kept: Buffer[] = [];
  let lengthBytes = 0;
  let file: FileHandle | null = null;
  try {
    // The caller may still want to answer on the connection that this stream is part of.
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
      lengthBytes += bytes.length;
      if (lengthBytes > limits.totalBytes) throw new SpoolLimitError(limits.totalBytes);
      if (file === null && lengthBytes <= limits.memoryBytes) {
        kept.push(bytes);
        continue;
      }
      file ??= await openNameless(kept.splice(0));
      await file.writeFile(bytes);
    }
  } catch (error) {
    await file?.close();
    throw error;
  }
  return file === null ? inMemory(kept, lengthBytes) : inFile(file, lengthBytes);
}

async function openNameless(start: readonly Buffer[]): Promise<FileHandle> {
  const path = join(tmpdir(), `fpm-ts-body-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  for (const bytes of start) await file.writeFile(bytes);
  return file;
}

function inMemory(kept: readonly Buffer[], lengthBytes: number): SpooledBody {
  return { lengthBytes, stream: Readable.from(kept), close: () => Promise.resolve() };
}

function inFile(file: FileHandle, lengthBytes: number): SpooledBody {
  const stream = file.createReadStream({ start: 0, autoClose: false });
  return { lengthBytes, stream, close: () => file.close() };
}
