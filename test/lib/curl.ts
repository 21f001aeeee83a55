/** The control socket asked with curl, as an administrator would. */
import { type CommandOptions, runCommand } from './command.ts';

export interface CurlAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly allow: string;
  readonly body: string;
  /** The body as JSON; throws when it is none. */
  json(): unknown;
}

/** Runs `curl --unix-socket SOCKET ...args http://localhost/PATH`, after `as` when that is given. */
export async function curl(
  socket: string,
  path: string,
  args: readonly string[] = [],
  { as = [], ...options }: CommandOptions & { readonly as?: readonly string[] } = {},
): Promise<CurlAnswer> {
  const facts = '\n%{http_code} %header{allow} %{content_type}';
  const common = ['--silent', '--show-error', '--max-time', '20', '--unix-socket', socket];
  // env(1) runs either: curl, or what goes before it.
  const command = [...as, 'curl', ...common, '--write-out', facts, ...args, `http://localhost${path}`];
  const result = await runCommand('env', command, options);
  if (result.code !== 0) throw new Error(`curl ${path}: exit code ${result.code}: ${result.stderr}`);
  const end = result.stdout.lastIndexOf('\n');
  const body = result.stdout.slice(0, end);
  const [status, allow = '', ...type] = result.stdout.slice(end + 1).split(' ');
  return {
    status: Number(status),
    allow,
    contentType: type.join(' '),
    body,
    json: () => JSON.parse(body) as unknown,
  };
}
