/** The environment of a script (RFC 3875, section 4.1): what the web server said, checked and completed. */

/** As a C program takes it, and no shell function or option of a loader. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What makes a loader, a C library or an interpreter run, load or find something else (the lists of sudo(8) and of
 * ld.so(8), and those of the interpreters). A request has no say in it; the administrator has, with --env.
 */
const ACTS_ON_PROGRAMS = new RegExp(
  `^(${[
    'LD_.*|LDR_.*|GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|LOCPATH|MUSL_LOCPATH|NLSPATH|MALLOC_.*',
    'RES_OPTIONS|RESOLV_.*|HOSTALIASES|LOCALDOMAIN|TERMCAP|TERMINFO|TERMINFO_DIRS|TERMPATH',
    'PATH|IFS|CDPATH|ENV|BASH_.*|BASHOPTS|SHELLOPTS|PS4|PROMPT_COMMAND|GLOBIGNORE|FPATH|NULLCMD|READNULLCMD|ZDOTDIR',
    'PERL5LIB|PERLLIB|PERL5OPT|PERL5DB|PERL5SHELL|PERLIO_DEBUG|PHPRC|PHP_INI_SCAN_DIR',
    'PYTHON(HOME|PATH|STARTUP|INSPECT|USERBASE|EXECUTABLE|PLATLIBDIR|BREAKPOINT|WARNINGS)',
    'RUBYLIB|RUBYOPT|GEM_HOME|GEM_PATH|NODE_OPTIONS|NODE_PATH|NODE_EXTRA_CA_CERTS',
    'JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|LUA_.*|TCLLIBPATH|OPENSSL_.*|GIT_EXEC_PATH|GIT_SSH.*',
  ].join('|')})$`,
);

/** FCGI_ROLE and FCGI_CHDIR are for us, SCGI names the protocol that is not a script's, HTTP_PROXY is CVE-2016-5385. */
const NOT_PASSED: ReadonlySet<string> = new Set(['FCGI_ROLE', 'FCGI_CHDIR', 'SCGI', 'HTTP_PROXY']);

/** RFC 3875, sections 4.1.2 and 4.1.3: they are set only when there is a body. Web servers send them empty. */
const ONLY_WITH_BODY = ['CONTENT_LENGTH', 'CONTENT_TYPE'] as const;

export interface Environment {
  readonly variables: ReadonlyMap<string, Buffer>;
  /** Names that were left out although a web server's configuration may have meant them: to be told to the administrator. */
  readonly withheld: readonly string[];
}

/**
 * @param request the variables of the request
 * @param corrected those that have changed by finding the script
 * @param fixed what the administrator sets, which wins over all
 * @param software SERVER_SOFTWARE where the web server does not tell its own
 */
export function scriptEnvironment(
  request: ReadonlyMap<string, Buffer>,
  corrected: ReadonlyMap<string, Buffer>,
  fixed: ReadonlyMap<string, Buffer>,
  software: Buffer,
): Environment {
  const variables = new Map<string, Buffer>();
  let withheld = NONE;
  for (const [name, value] of request) {
    if (NOT_PASSED.has(name) || !NAME.test(name)) continue;
    if (!ACTS_ON_PROGRAMS.test(name)) variables.set(name, value);
    else if (!fixed.has(name)) withheld = [...withheld, name];
  }
  for (const name of ONLY_WITH_BODY) if (variables.get(name)?.length === 0) variables.delete(name);
  for (const [name, value] of corrected) variables.set(name, value);
  complete(variables, software);
  for (const [name, value] of fixed) variables.set(name, value);
  return { variables, withheld };
}

const NONE: readonly string[] = [];

/** What section 4.1 says must be there (the last of them may be empty), where the web server did not send it. */
function complete(variables: Map<string, Buffer>, software: Buffer): void {
  variables.set('GATEWAY_INTERFACE', CGI_1_1);
  fill(variables, 'SERVER_SOFTWARE', software);
  fill(variables, 'SERVER_PROTOCOL', HTTP_1_0);
  fill(variables, 'REQUEST_METHOD', GET);
  if (!isSaid(variables, 'SERVER_NAME') || !isSaid(variables, 'SERVER_PORT')) {
    const { name, port } = hostOf(variables);
    fill(variables, 'SERVER_NAME', name);
    fill(variables, 'SERVER_PORT', port);
  }
  fill(variables, 'REMOTE_ADDR', UNKNOWN_ADDRESS);
  fill(variables, 'REMOTE_HOST', variables.get('REMOTE_ADDR') ?? UNKNOWN_ADDRESS);
  fill(variables, 'SCRIPT_NAME', EMPTY);
  fill(variables, 'QUERY_STRING', EMPTY);
}

/** An empty variable and a missing one are the same (section 4.1). */
function isSaid(variables: ReadonlyMap<string, Buffer>, name: string): boolean {
  return (variables.get(name)?.length ?? 0) > 0;
}

function fill(variables: Map<string, Buffer>, name: string, value: Buffer): void {
  if (!isSaid(variables, name)) variables.set(name, value);
}

const EMPTY = Buffer.alloc(0);
const CGI_1_1 = Buffer.from('CGI/1.1');
const HTTP_1_0 = Buffer.from('HTTP/1.0');
const GET = Buffer.from('GET');
const LOCALHOST = Buffer.from('localhost');
/** A form of an address that no list of clients allows. */
const UNKNOWN_ADDRESS = Buffer.from('0.0.0.0');

/** The server as the client has named it; SERVER_NAME of sections 4.1.14 and 4.1.15. */
function hostOf(variables: ReadonlyMap<string, Buffer>): { name: Buffer; port: Buffer } {
  const said = variables.get('HTTP_HOST')?.toString('latin1') ?? '';
  const [, name, port] = /^([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/.exec(said) ?? [];
  const isEncrypted = /^(on|1)$/i.test(variables.get('HTTPS')?.toString('latin1') ?? '');
  return {
    name: name === undefined ? LOCALHOST : Buffer.from(name),
    port: Buffer.from(port ?? (isEncrypted ? '443' : '80')),
  };
}
