/**
 * A log that is read from its end and followed across rotation, whether logrotate renames the file or truncates a copy.
 * It is looked at again and again (stat(2)) and not watched with inotify(7), which reports nothing on NFS and on other
 * file systems that another machine or the host of a container writes to, and needs a watch of the directory for a
 * rename. A look costs some microseconds, and only while somebody follows.
 */
import { closeSync, fstatSync, readSync, statSync } from 'node:fs';
import { FpmError } from '../../errors.ts';
import { InsecureLog, openLogForReading } from '../../os/log-file.ts';
import { type LastLines, lastLines } from './last-lines.ts';
import { mayNotRead } from './may-not-read.ts';

const CHUNK_BYTES = 256 * 1024;
/** A longer line is shown in pieces. The longest record is a line of output of 64 KiB, as JSON. */
const LINE_MAX_BYTES = 1024 * 1024;
const NEWLINE = 10;

export class LogReader {
  readonly file: string;
  #descriptor: number | null = null;
  /** Device and inode. */
  #identity = '';
  #offset = 0;
  /** The beginning of a line that is still being written. */
  #unfinished = Buffer.alloc(0);

  constructor(file: string) {
    this.file = file;
  }

  /** @returns null when there is no such file yet. @throws {FpmError} when it may not be read, or is not a log */
  last(count: number, isWanted: (line: string) => boolean): LastLines | null {
    if (this.#descriptor === null && !this.#open()) return null;
    const descriptor = this.#descriptor as unknown as number;
    const found = lastLines(descriptor, fstatSync(descriptor).size, count, isWanted);
    this.#offset = found.end;
    return found;
  }

  /** Lines that were written since, at most some; none: there are no more. @throws {FpmError} as `last` */
  next(): readonly string[] {
    const rotated = this.#isRotated();
    const lines = this.#read();
    // The old file was read to its end after the new one had its first line, so nothing comes there any more.
    if (lines.length > 0 || !rotated) return lines;
    const rest = this.#unfinished.length > 0 ? [this.#unfinished.toString()] : [];
    this.close();
    return this.#open() ? [...rest, ...this.#read()] : rest;
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
    this.#unfinished = Buffer.alloc(0);
    this.#offset = 0;
  }

  /** Another file is in its place and has a line: until then the keeper still writes to the old one. */
  #isRotated(): boolean {
    try {
      const { dev, ino, size } = statSync(this.file);
      return size > 0 && `${dev}:${ino}` !== this.#identity;
    } catch {
      return false; // between the rename and the new file
    }
  }

  #open(): boolean {
    const descriptor = openedLog(this.file);
    if (descriptor === null) return false;
    const { dev, ino } = fstatSync(descriptor);
    this.#descriptor = descriptor;
    this.#identity = `${dev}:${ino}`;
    return true;
  }

  #read(): readonly string[] {
    const descriptor = this.#descriptor;
    if (descriptor === null) return [];
    if (fstatSync(descriptor).size < this.#offset) {
      this.#offset = 0; // copytruncate
      this.#unfinished = Buffer.alloc(0);
    }
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const count = readSync(descriptor, chunk, 0, CHUNK_BYTES, this.#offset);
      if (count === 0) return [];
      this.#offset += count;
      const lines = this.#linesOf(chunk.subarray(0, count));
      if (lines.length > 0) return lines;
    }
  }

  #linesOf(chunk: Buffer): readonly string[] {
    const bytes = Buffer.concat([this.#unfinished, chunk]);
    const end = bytes.length > LINE_MAX_BYTES ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    this.#unfinished = bytes.subarray(end);
    return bytes
      .toString('utf8', 0, end)
      .split('\n')
      .filter(line => line !== '');
  }
}

function openedLog(file: string): number | null {
  try {
    const descriptor = openLogForReading(file);
    if (fstatSync(descriptor).isFile()) return descriptor;
    closeSync(descriptor);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (error instanceof InsecureLog) throw new FpmError('FAILED', message);
    throw code === 'EACCES' ? mayNotRead(file) : new FpmError('FAILED', `${file} cannot be read: ${message}`);
  }
  throw new FpmError(
    'FAILED',
    `log.file is ${file}, which is not a regular file: what is written there cannot be shown. To keep a log, set log.file to a file`,
  );
}
