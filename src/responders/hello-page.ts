/** The page of the quick start's responder: who answered, what was asked, and what to try next. */
export interface HelloFacts {
  readonly pid: number;
  /** Requests that this worker has answered, this one included. */
  readonly served: number;
  readonly method: string;
  readonly path: string;
  readonly bodyBytes: number;
  /** The value of the Accept field; a browser gets HTML, curl text. */
  readonly accept: string;
}

/** A whole CGI response. */
export function helloResponse(facts: HelloFacts): Buffer {
  const isHtml = facts.accept.includes('text/html');
  const page = isHtml ? html(facts) : text(facts);
  const body = facts.method === 'HEAD' ? '' : page;
  const fields = [
    'Status: 200 OK',
    `Content-Type: text/${isHtml ? 'html' : 'plain'}; charset=utf-8`,
    `Content-Length: ${Buffer.byteLength(page)}`,
    'Cache-Control: no-store',
  ];
  return Buffer.from(`${fields.join('\r\n')}\r\n\r\n${body}`, 'utf8');
}

const NEXT: readonly string[] = [
  'run the request again: the workers of the pool take turns',
  'npx fpm-ts status: the pools and their workers',
  'kill this worker (kill PID): another takes its place at once',
  'edit pools.d/hello.toml, then npx fpm-ts reload',
];

function text(facts: HelloFacts): string {
  const sent = facts.bodyBytes > 0 ? `, with a body of ${facts.bodyBytes} bytes` : '';
  return [
    `Hello from worker ${facts.pid}.`,
    `You asked: ${facts.method} ${facts.path}${sent}.`,
    `Served by this worker so far: ${facts.served}.`,
    '',
    'Try next:',
    ...NEXT.map(step => `  ${step}`),
    '',
  ].join('\n');
}

function html(facts: HelloFacts): string {
  const steps = NEXT.map(step => `<li>${escapeHtml(step)}</li>`).join('\n');
  const sent = facts.bodyBytes > 0 ? `, with a body of ${facts.bodyBytes} bytes` : '';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hello from fpm-ts</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style>
<h1>Hello from worker ${facts.pid}</h1>
<p>You asked: <code>${escapeHtml(`${facts.method} ${facts.path}`)}</code>${sent}.</p>
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
