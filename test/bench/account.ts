/** The user that all contestants run their workers as; an ordinary user can only use his own. */
import { userInfo } from 'node:os';
import { IS_ROOT } from '../lib/suite.ts';

export const WORKER_USER: string = IS_ROOT ? 'www-data' : userInfo().username;
