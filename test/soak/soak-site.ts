/** One nginx in front of all pools of a soak: a location and an upstream each, no second try, no kept connection. */
import { placeFixture } from '../lib/fixtures.ts';
import type { Journal } from '../lib/journal.ts';
import { startNginxSite } from '../lib/nginx.ts';
import type { Place } from '../lib/place.ts';
import type { SoakPool } from './soak-pools.ts';

/** @returns the URL below which each pool is a directory of its name */
export async function openSoakSite(
  place: Place,
  pools: readonly SoakPool[],
  journal: Journal,
): Promise<string> {
  const script = placeFixture(place, 'php/storm.php');
  const location = ({ name, path, port }: SoakPool): string => `
    location /${name}/ {
        include /etc/nginx/fastcgi_params;
        fastcgi_param SCRIPT_FILENAME ${script};
        fastcgi_param STORM_JOURNAL ${journal.dir};
        fastcgi_next_upstream off;
        fastcgi_keep_conn off;
        fastcgi_pass ${path === null ? `127.0.0.1:${port}` : `unix:${path}`};
    }`;
  const nginx = await startNginxSite(
    place,
    port => `server {\n    listen 127.0.0.1:${port};${pools.map(location).join('')}\n}\n`,
  );
  return nginx.url;
}
