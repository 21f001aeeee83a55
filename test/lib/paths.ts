/** Where things lie in the repository, for tests that run from any directory. */
import { join, resolve } from 'node:path';

export const REPOSITORY: string = resolve(import.meta.dirname, '../..');
export const MAIN: string = join(REPOSITORY, 'dist/main.js');
export const EXAMPLES: string = join(REPOSITORY, 'examples');
export const FIXTURES: string = join(REPOSITORY, 'test/fixtures');
