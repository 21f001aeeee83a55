/** The names of the pools in the files, without reading any pool: quickly, and whatever is wrong with them. */
import { dirname } from 'node:path';
import { parse } from 'toml';
import { DEFAULT_INCLUDE } from './default-paths.ts';
import { findPoolFiles } from './include.ts';
import { readRegularFile } from './read-file.ts';

/** @param file fpm-ts.toml. @throws {NoFileError} and toml's own error when it cannot be read */
export function poolNamesOf(file: string): string[] {
  const { include } = parse(readRegularFile(file).toString()) as { readonly include?: unknown };
  const patterns = Array.isArray(include)
    ? include.filter(pattern => typeof pattern === 'string')
    : DEFAULT_INCLUDE;
  return findPoolFiles(patterns, dirname(file), []).files.map(({ pool }) => pool);
}
