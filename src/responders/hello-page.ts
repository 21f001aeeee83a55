/** The page of the quick start's responder: who answered, what was asked, and what to try next. */
export interface Answerer {
  readonly pid: number;
  /** Requests that this worker has answered, this one included. */
  readonly served: number;
}

interface Facts extends Answerer {
  /** Method, path, and how much was sent. */
  readonly asked: string;
  readonly bodyBytes: number;
}

/** A browser gets HTML, curl text. */
export async function helloPage(request: Request, answerer: Answerer): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const bodyBytes = await countBytes(request.body);
  const facts = { ...answerer, asked: `${request.method} ${pathname}${search}`, bodyBytes };
  const isHtml = request.headers.get('accept')?.includes('text/html') === true;
  const page = isHtml ? html(facts) : text(facts);
  const headers = {
    'Content-Type': `text/${isHtml ? 'html' : 'plain'}; charset=utf-8`,
    'Content-Length': String(Buffer.byteLength(page)),
    'Cache-Control': 'no-store',
  };
  return new Response(page, { headers });
}

async function countBytes(body: ReadableStream<Uint8Array> | null): Promise<number> {
  let bytes = 0;
  for await (const chunk of body ?? []) bytes += chunk.length;
  return bytes;
}

const NEXT: readonly string[] = [
  'run the request again: the workers of the pool take turns',
  'npx fpm-ts status: the pools and their workers',
  'kill this worker (kill PID): another takes its place at once',
  'edit pools.d/hello.toml, then npx fpm-ts reload',
];

function text(facts: Facts): string {
  const sent = facts.bodyBytes > 0 ? `, with a body of ${facts.bodyBytes} bytes` : '';
  return [
    `Hello from worker ${facts.pid}.`,
    `You asked: ${facts.asked}${sent}.`,
    `Served by this worker so far: ${facts.served}.`,
    '',
    'Try next:',
    ...NEXT.map(step => `  ${step}`),
    '',
  ].join('\n');
}

function html(facts: Facts): string {
  const steps = NEXT.map(step => `<li>${escapeHtml(step)}</li>`).join('\n');
  const sent = facts.bodyBytes > 0 ? `, with a body of ${facts.bodyBytes} bytes` : '';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hello from fpm-ts</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style>
<h1>Hello from worker ${facts.pid}</h1>
<p>You asked: <code>${escapeHtml(facts.asked)}</code>${sent}.</p>
<p>Served by this worker so far: ${facts.served}.</p>
<h2>Try next</h2>
<ul>
${steps}
</ul>
</html>
`;
}

/** What was asked comes from outside. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
