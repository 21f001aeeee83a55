/** The pool that `request` and `serve` are to ask. */
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import { type GlobalOptions, poolConfig } from './context.ts';

/** What php-cgi finds its script by. */
const SCRIPT_PARAMS = ['SCRIPT_FILENAME', 'PATH_TRANSLATED'];

/**
 * php-cgi is told the file of a script, and without one answers 404 to everything: what a web server has in its
 * own configuration must be in the pool's here.
 * @throws {FpmError} NO_SUCH_POOL, CONFIG_REQUIRED
 */
export async function askedPool(options: GlobalOptions, name: string): Promise<PoolConfig> {
  const [pool, { isPhpCgi }] = await Promise.all([poolConfig(options, name), import('../config/rule.ts')]);
  const hasScript = pool.documentRoot !== undefined || SCRIPT_PARAMS.some(it => it in pool.params);
  if (hasScript || !isPhpCgi(pool.command)) return pool;
  const { file } = pool;
  const key = 'document_root';
  throw new FpmError(
    'CONFIG_REQUIRED',
    `${file}: ${key}: must be set for \`request\` and \`serve\`, because php-cgi is told the file of a script\n  add document_root = "/srv/www", where the scripts are; /index.php is then /srv/www/index.php`,
    { file, key },
  );
}
