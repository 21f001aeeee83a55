/** What real web servers have sent; captures/README.md says how it was recorded. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const CAPTURES: string = join(import.meta.dirname, 'captures');

export interface Capture {
  /** SERVER-PROTOCOL-CASE */
  readonly name: string;
  readonly protocol: 'fastcgi' | 'scgi';
  /** All that was sent on one connection. */
  readonly bytes: Buffer;
}

export function readCaptures(): Capture[] {
  return readdirSync(CAPTURES)
    .filter(name => name.endsWith('.bin'))
    .sort()
    .map(name => ({
      name: name.slice(0, -'.bin'.length),
      protocol: name.includes('-fastcgi-') ? 'fastcgi' : 'scgi',
      bytes: readFileSync(join(CAPTURES, name)),
    }));
}
