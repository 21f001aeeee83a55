/** One row per mistake: a file that is right but for one thing, and the whole answer to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GOOD_POOL, said, writeTree } from './tree.ts';

interface Row {
  readonly name: string;
  /** The lines of the pool file; GOOD_POOL with these added, unless `whole`. */
  readonly pool?: string;
  readonly whole?: string;
  readonly global?: string;
  readonly files?: Record<string, string>;
  readonly uid?: number;
  readonly expected: string;
}

/** GOOD_POOL has five lines, so what a row adds stands on line 6. */
const ROWS: readonly Row[] = [
  {
    name: 'bare octal digits',
    pool: 'umask = 0027',
    expected: 'p.toml:6:13: umask: 0027 is not a number in TOML: modes are strings\n  write: umask = "0027"',
  },
  {
    name: 'bare octal digits of a socket',
    pool: 'listen.mode = 0660 # web server',
    expected:
      'p.toml:6:19: listen.mode: 0660 is not a number in TOML: modes are strings\n  write: listen.mode = "0660"',
  },
  {
    name: 'octal digits that TOML takes for a number',
    pool: 'umask = 27',
    expected:
      'p.toml:6:1: umask: found 27; allowed: a string of three or four octal digits such as "0022"\n  write: umask = "0027"',
  },
  {
    name: "TOML's own octal number",
    pool: 'umask = 0o27',
    expected:
      'p.toml:6:1: umask: found 0o27; allowed: a string of three or four octal digits such as "0022"\n  write: umask = "0027"',
  },
  {
    name: 'digits that are not octal',
    pool: 'listen.mode = "999"',
    expected:
      'p.toml:6:1: listen.mode: found "999"; allowed: a string of three or four octal digits such as "0660"\n  leave listen.mode out for its default, "0660", or set a string of three or four octal digits such as "0660"',
  },
  {
    name: 'a bare duration',
    pool: 'start_timeout = 30s',
    expected:
      'p.toml:6:19: start_timeout: 30s is not a number in TOML: a value with a unit is a string\n  write: start_timeout = "30s"',
  },
  {
    name: 'a number with a leading zero, under a header',
    pool: '[process]\n\n# c\npriority = 010',
    expected:
      'p.toml:9:15: process.priority: 010 is not a number in TOML: it begins with a zero\n  write: priority = 10',
  },
  {
    name: 'two slips on one line',
    pool: 'listen.backlog = 64K',
    expected: `p.toml:6:1: listen.backlog: found "64K"; allowed: a whole number from 1 to 65535
  leave listen.backlog out for its default, 511, or set a whole number from 1 to 65535
p.toml:6:20: listen.backlog: 64K is not a number in TOML: a value with a unit is a string
  write: listen.backlog = "64K"`,
  },
  {
    name: 'a unit that does not exist',
    pool: 'start_timeout = "30 seconds"',
    expected:
      'p.toml:6:1: start_timeout: found "30 seconds"; allowed: a duration such as "500ms", "10s", "5m" or "1h", or a number of seconds\n  write: start_timeout = "30s"',
  },
  {
    name: 'yes for true',
    pool: 'clear_env = yes',
    expected: 'p.toml:6:13: clear_env: yes is not a truth value in TOML\n  write: clear_env = true',
  },
  {
    name: 'an integer that no computer word holds',
    pool: 'umask = "0027"\nlisten.backlog = 99999999999999999999',
    expected:
      'p.toml:7:18: listen.backlog: not valid TOML: Integer literal is outside the 64-bit signed integer range required by TOML.\n  correct the value',
  },
  {
    name: 'lists in lists without end',
    pool: `pass_env = ${'['.repeat(600)}${']'.repeat(600)}`,
    expected:
      'p.toml:6:512: pass_env: not valid TOML: Maximum nesting depth of 500 exceeded.\n  correct the value',
  },
  {
    name: 'a key without a value',
    pool: 'chdir =\nx =',
    expected:
      'p.toml:6:8: chdir: chdir has no value\n  write: chdir = ""\np.toml:7:4: x: x has no value\n  write: x = ""',
  },
  {
    name: 'a quoted truth value',
    pool: 'clear_env = "no"',
    expected: 'p.toml:6:1: clear_env: found "no"; allowed: true or false\n  write: clear_env = false',
  },
  {
    name: 'a string without quotes',
    pool: 'group = www-data',
    expected:
      'p.toml:6:9: group: www-data is a string, and a string stands in quotes\n  write: group = "www-data"',
  },
  {
    name: 'a string without an end',
    pool: 'group = "www-data',
    expected: 'p.toml:6:18: group: the string has no end\n  write: group = "www-data"',
  },
  {
    name: 'an environment variable as php-fpm has it',
    pool: 'env[APP] = production',
    expected: 'p.toml:6:4: env[...] is written as a dotted key\n  write: env.APP = "production"',
  },
  {
    name: 'a comment as php-fpm has it',
    pool: '; workers',
    expected: 'p.toml:6:1: a comment begins with #\n  write: # workers',
  },
  {
    name: 'what nobody can guess',
    pool: 'group = ["a" "b"]',
    expected:
      'p.toml:6:14: group: not valid TOML: unexpected "\\""\n  each line is a [table], a # comment or key = value; strings stand in double quotes, lists in [ ]',
  },
  {
    name: 'a string and dotted keys',
    whole: GOOD_POOL.replace('listen.address', 'listen').concat('listen.mode = "0666"\n'),
    expected:
      'p.toml:3:1: listen: listen cannot be a value and a table: line 6 sets listen.mode\n  write: listen.address = "/run/x.sock"',
  },
  {
    name: 'a string after dotted keys',
    whole: GOOD_POOL.replace('pm.mode = "static"\n', '').concat("pm = 'static' # all the time\n"),
    expected:
      "p.toml:5:1: pm: pm cannot be a value and a table: line 4 sets pm.max_children\n  write: pm.mode = 'static'",
  },
  {
    name: 'a string and a table in [defaults]',
    global: '[defaults]\nlisten = 9000\n[defaults.listen]\nbacklog = 5\n',
    pool: '',
    expected:
      'fpm-ts.toml:2:1: defaults.listen: listen cannot be a value and a table: line 3 sets [defaults.listen]\n  write: listen.address = 9000',
  },
  {
    name: 'a key twice',
    pool: 'umask = "0022"\numask = "0027"',
    expected:
      'p.toml:7:1: umask: umask is set twice: line 6 sets it already\n  keep line 6 or this line, not both',
  },
  {
    name: 'a table twice',
    pool: '[env]\nA = "1"\n[env]\nB = "2"',
    expected:
      'p.toml:8:1: env: the table [env] is already set on line 6\n  move the keys below this [env] to where line 6 sets env',
  },
  {
    name: 'several keys twice, one of them inside of a value',
    pool: 'umask = "0022"\numask = "0027"\n[process]\npriority = 1\n[params]\nx = { a = [1,\n{ b = {}, b.c = 2 }] }',
    expected:
      'p.toml:7:1: umask: umask is set twice: line 6 sets it already\n  keep line 6 or this line, not both\np.toml:12:11: params.x: b is set twice inside of one value\n  keep one of the two',
  },
  {
    name: 'a header that swallows a key, which would be a variable',
    whole: GOOD_POOL.replace('user = "www-data"\n', '').concat('[env]\nA = "1"\nuser = "www-data"\n'),
    expected:
      'p.toml:7:1: env.user: the header [env] on line 5 makes this env.user\n  to set user, move the line above [env] on line 5',
  },
  {
    name: 'a header that swallows a key',
    pool: '[process]\npriority = 1\numask = "0027"',
    expected:
      'p.toml:8:1: process.umask: the header [process] on line 6 makes this process.umask\n  to set umask, move the line above [process] on line 6',
  },
  {
    name: '[defaults] that swallows a key',
    global: '[defaults]\nrun_dir = "/x"\n',
    pool: '',
    expected:
      'fpm-ts.toml:2:1: defaults.run_dir: the header [defaults] on line 1 makes this defaults.run_dir\n  to set run_dir, move the line above [defaults] on line 1',
  },
  {
    name: 'a misspelled key, also for the required one that it was to be',
    whole: GOOD_POOL.replace('max_children', 'max_childern'),
    expected:
      'p.toml:5:1: pm.max_childern: there is no such key; the nearest is pm.max_children\n  write: pm.max_children = ...',
  },
  {
    name: 'an underscore for a dot',
    pool: 'listen_mode = "0666"',
    expected:
      'p.toml:6:1: listen_mode: there is no such key; the nearest is listen.mode\n  write: listen.mode = ...',
  },
  {
    name: 'a key like no other',
    pool: 'zzzzzzzzzz = 1',
    expected:
      'p.toml:6:1: zzzzzzzzzz: there is no such key\n  remove it: docs/configuration.md lists the keys of a pool',
  },
  {
    name: 'a key of fpm-ts.toml in a pool',
    pool: 'run_dir = "/x"',
    expected:
      'p.toml:6:1: run_dir: there is no such key\n  run_dir is a key of fpm-ts.toml, for all pools together: set it there',
  },
  {
    name: 'a key of a pool in fpm-ts.toml',
    global: 'umask = "0027"\n',
    pool: '',
    expected:
      "fpm-ts.toml:1:1: umask: there is no such key\n  umask is a key of a pool: set it in the pool's file, or under [defaults] for all pools",
  },
  {
    name: 'a directive that only php-fpm has',
    pool: 'pm.status_path = "/status"',
    expected:
      'p.toml:6:1: pm.status_path: php-fpm has this key; fpm-ts does not\n  leave it out: `fpm-ts status` tells it from outside the pool',
  },
  {
    name: 'a directive that php-fpm has under another name',
    global: 'log_level = "notice"',
    pool: '',
    expected: 'fpm-ts.toml:1:1: log_level: php-fpm has this key; fpm-ts does not\n  write: log.level = ...',
  },
  {
    name: 'the name of the pool as a table',
    pool: '[p]\nuser = "x"',
    expected:
      "p.toml:6:1: p: there is no such key\n  a pool file has no [p] table: the pool's name is the name of its file",
  },
  {
    name: 'a value for a group',
    pool: 'process = 3',
    expected:
      'p.toml:6:1: process: process is not a value, but the beginning of several keys\n  set one of process.priority, process.oom_score_adj, process.no_new_privileges',
  },
  {
    name: 'a command as one string',
    whole: GOOD_POOL.replace('["/bin/worker"]', '"/bin/worker -x"'),
    expected:
      'p.toml:1:1: command: found "/bin/worker -x"; allowed: a list of strings, the program first\n  write: command = ["/bin/worker", "-x"]',
  },
  {
    name: 'a negative user',
    whole: GOOD_POOL.replace('"www-data"', '-1'),
    expected:
      'p.toml:2:1: user: found -1; allowed: a user name or a uid\n  leave user out (required as root, otherwise the user that starts fpm-ts), or set a user name or a uid',
  },
  {
    name: 'a duration that no timer holds',
    pool: 'start_timeout = "25d"',
    expected:
      'p.toml:6:1: start_timeout: found "25d": longer than the 24 days a timer holds\n  leave start_timeout out for its default, "30s", or set a duration such as "500ms", "10s", "5m" or "1h", or a number of seconds',
  },
  {
    name: 'a variable without a name',
    pool: `chdir = "\${env:}"`,
    expected: `p.toml:6:1: chdir: \${env:} names no environment variable\n  write \${env:NAME}; for a dollar sign itself, write $$`,
  },
  {
    name: 'more than one file to extend',
    pool: 'extends = ["a"]',
    expected:
      'p.toml:6:1: extends: must be a string, the path of one file\n  write: extends = "template.toml", or leave it out',
  },
  {
    name: 'an IPv4 address that is none',
    whole: GOOD_POOL.replace('/run/x.sock', '256.0.0.1:9051'),
    expected:
      'p.toml:3:1: listen.address: found "256.0.0.1:9051": this is not an IPv4 address\n  four numbers from 0 to 255: "127.0.0.1:9000"',
  },
  {
    name: 'an IPv6 address with a scope',
    whole: GOOD_POOL.replace('/run/x.sock', '[fe80::1%eth0]:9051'),
    expected:
      'p.toml:3:1: listen.address: found "[fe80::1%eth0]:9051": an address with a scope (%) is not supported\n  leave the scope out, or listen on "[::]"',
  },
  {
    name: 'a number in quotes',
    pool: 'listen.backlog = "100"',
    expected:
      'p.toml:6:1: listen.backlog: found "100"; allowed: a whole number from 1 to 65535\n  write: listen.backlog = 100',
  },
  {
    name: 'a number out of range',
    pool: 'process.priority = -30',
    expected:
      'p.toml:6:1: process.priority: found -30; allowed: a whole number from -20 to 19\n  leave process.priority out for its default, 0, or set a whole number from -20 to 19',
  },
  {
    name: 'a mistyped word',
    pool: 'kill_mode = "gruop"',
    expected:
      'p.toml:6:1: kill_mode: found "gruop"; allowed: "group" or "process"\n  write: kill_mode = "group"',
  },
  {
    name: 'an item of a list',
    whole: GOOD_POOL.replace('"/run/x.sock"', '9000').concat(
      'listen.allowed_clients = [\n  "::1",\n  "10.0.0.0/33",\n]',
    ),
    expected:
      'p.toml:8:3: listen.allowed_clients[1]: found "10.0.0.0/33"; allowed: a list of IP addresses and networks such as "10.0.0.0/8" or "::1"\n  write a list of IP addresses and networks such as "10.0.0.0/8" or "::1"',
  },
  {
    name: 'a host name',
    whole: GOOD_POOL.replace('/run/x.sock', 'localhost:9000'),
    expected:
      'p.toml:3:1: listen.address: found "localhost:9000": host names are not resolved\n  write an address: "127.0.0.1:9000"',
  },
  {
    name: 'allowed_clients on a Unix socket',
    pool: 'listen.allowed_clients = ["10.0.0.0/8"]',
    expected:
      'p.toml:6:1: listen.allowed_clients: only a TCP listener has clients with addresses\n  remove it: listen.owner, listen.group and listen.mode say who may connect to a socket file',
  },
  {
    name: 'an owner where there is no socket file',
    whole: GOOD_POOL.replace('"/run/x.sock"', '9000').concat('listen.owner = "x"\n'),
    expected:
      'p.toml:6:1: notice: listen.owner: has no effect: only a socket file of ours has owner, group and mode\n  leave it out',
  },
  {
    name: 'a mode in [defaults] that another pool has a use for',
    global: '[defaults]\nlisten.mode = "0666"\n',
    whole: GOOD_POOL.replace('"/run/x.sock"', '9000'),
    files: { 'pools.d/q.toml': GOOD_POOL },
    expected: '',
  },
  {
    name: 'a mode in [defaults] that no pool has a use for',
    global: '[defaults]\nlisten.mode = "0666"\n',
    whole: GOOD_POOL.replace('"/run/x.sock"', '9000'),
    files: { 'pools.d/q.toml': `${GOOD_POOL}listen.mode = "0600"\n` },
    expected:
      'fpm-ts.toml:2:1: notice: listen.mode: has no effect: only a socket file of ours has owner, group and mode\n  leave it out',
  },
  {
    name: 'no user as root',
    whole: GOOD_POOL.replace('user = "www-data"\n', ''),
    expected:
      'p.toml:1:1: user: must be set, because the supervisor runs as root\n  add user = "www-data", or another user without privileges',
  },
  {
    name: 'root without leave',
    whole: GOOD_POOL.replace('www-data', 'root'),
    expected: 'p.toml:2:1: user: workers would run as root\n  choose another user, or add allow_root = true',
  },
  {
    name: 'root with leave',
    whole: GOOD_POOL.replace('user = "www-data"', 'allow_root = true'),
    expected: '',
  },
  {
    name: 'no user as somebody',
    whole: GOOD_POOL.replace('user = "www-data"\n', ''),
    uid: 1000,
    expected: '',
  },
  {
    name: 'nothing that is required',
    whole: '',
    uid: 1000,
    expected: `p.toml:1:1: command: must be set
  add command = ["/usr/bin/php-cgi"]
p.toml:1:1: listen.address: must be set
  add listen.address = "/run/fpm-ts/$pool.sock"
p.toml:1:1: pm.mode: must be set
  add pm.mode = "static"
p.toml:1:1: pm.max_children: must be set
  add pm.max_children = 4`,
  },
  {
    name: 'max_requests for a program that does not count',
    pool: 'pm.max_requests = 500',
    expected:
      'p.toml:6:1: pm.max_requests: only php-cgi counts its own requests; any other program needs the broker, which counts\n  leave it out',
  },
  {
    name: 'php-cgi on a listener that does not block',
    whole: GOOD_POOL.replace('/bin/worker', '/usr/bin/php-cgi8.2').concat('listen.nonblock = true\n'),
    expected:
      'p.toml:6:1: listen.nonblock: php-cgi exits at once on a listener that does not block\n  leave it out',
  },
  {
    name: 'a family of php-cgi that we do not know of',
    whole: GOOD_POOL.replace('/bin/worker', 'php-cgi').concat('env.PHP_FCGI_CHILDREN = 4\n'),
    expected:
      'p.toml:1:1: notice: pm.worker_concurrency: each worker serves 4 connections at a time by env.PHP_FCGI_CHILDREN\n  write: pm.worker_concurrency = 4',
  },
  {
    name: 'SIGKILL as a graceful signal',
    pool: 'stop_signal = "KILL"\nstop_is_graceful = true',
    expected:
      'p.toml:7:1: stop_is_graceful: no program finishes a request on SIGKILL\n  choose another stop_signal',
  },
  {
    name: 'a start in no time',
    pool: 'start_timeout = 0',
    expected: 'p.toml:6:1: start_timeout: no worker is ready in no time\n  leave it out for 30s',
  },
  {
    name: 'relative paths in a jail',
    whole: GOOD_POOL.replace('/bin/worker', 'bin/worker').concat('chroot = "/srv/jail"\nchdir = "www"\n'),
    expected: `p.toml:1:1: command: with chroot, the program is a path inside it and begins with a slash
  write "/bin/worker"
p.toml:7:1: chdir: with chroot, this is a path inside it and begins with a slash
  write: chdir = "/www"`,
  },
  {
    name: 'a variable that never reaches a worker',
    pool: 'env.NODE_OPTIONS = "--inspect"\npass_env = ["LISTEN_FDS"]',
    expected: `p.toml:6:1: env.NODE_OPTIONS: NODE_OPTIONS never reaches a worker: it is reserved for the service manager and Node
  remove it, or give it another name
p.toml:7:13: pass_env[0]: found "LISTEN_FDS": LISTEN_FDS never reaches a worker: it is reserved for the service manager and Node
  write a list of names of letters, digits and underscores, except NOTIFY_SOCKET, LISTEN_*, WATCHDOG_* and NODE_OPTIONS`,
  },
  {
    name: 'a variable that is not set',
    pool: `env.A = "\${env:NOPE}"`,
    expected:
      'p.toml:6:1: env.A: the environment variable NOPE is not set\n  set NOPE where fpm-ts is started, or write the value here',
  },
  {
    name: 'a shell variable',
    pool: 'chdir = "$HOME"',
    expected: 'p.toml:6:1: chdir: $HOME is not a variable\n  for a dollar sign itself, write $$',
  },
  {
    name: '$pool where there is none',
    global: 'pid_file = "/run/$pool.pid"\n',
    pool: '',
    expected:
      'fpm-ts.toml:1:1: pid_file: $pool is only known in a pool file and in [defaults]\n  for a dollar sign itself, write $$',
  },
  {
    name: 'the broker',
    pool: 'dispatch = "broker"',
    expected: 'p.toml:6:1: dispatch: not yet: this version does not have it\n  write: dispatch = "shared"',
  },
  {
    name: 'timeouts of requests on a Unix socket, said once',
    pool: 'request_terminate_timeout = 1\nrequest_slowlog_timeout = "1s"',
    expected: `p.toml:6:1: notice: request_terminate_timeout: of a connection that the web server keeps open, a request that reads and writes files all the time cannot be told from many short ones, and is taken for those
  leave fastcgi_keep_conn off (nginx has it off), or listen on TCP, where it can be told`,
  },
  {
    name: 'timeouts of requests of which a worker has many',
    pool: 'request_slowlog_timeout = "1s"\npm.worker_concurrency = 4',
    expected: `p.toml:6:1: notice: request_slowlog_timeout: of a connection that the web server keeps open, it may count the age of the connection: with pm.worker_concurrency above 1 the requests on it cannot be told apart
  leave fastcgi_keep_conn off (nginx has it off), or listen on TCP, where it can be told`,
  },
  {
    name: 'timeouts of requests with one request a connection',
    pool: 'request_slowlog_timeout = "1s"\nprotocol = "scgi"',
    expected: '',
  },
  {
    name: 'what later versions do, switched off',
    pool: 'dispatch = "shared"\nrequest_terminate_timeout = 0\npm.start_servers = 3',
    expected: '',
  },
  {
    name: 'what later versions do, in a pool that is off',
    pool: 'enabled = false\ndispatch = "broker"',
    expected: '',
  },
  {
    name: 'an env file that is not there',
    pool: 'env_files = ["nope.env"]',
    expected: 'p.toml:6:14: env_files: nope.env does not exist\n  create nope.env, or correct the path',
  },
  {
    name: 'an env file with a slip',
    pool: 'env_files = ["x.env"]',
    files: { 'pools.d/x.env': 'A=1\nsecret\nNOTIFY_SOCKET=x\n' },
    expected: `x.env:2:1: env_files: not a KEY=VALUE line (env_files, p.toml:6)
  write KEY=VALUE, remove the line, or begin it with # for a comment
x.env:3:1: env_files: NOTIFY_SOCKET never reaches a worker: it is reserved for the service manager and Node (env_files, p.toml:6)
  write KEY=VALUE, remove the line, or begin it with # for a comment`,
  },
  {
    name: 'a template that is not there',
    pool: 'extends = "t/nope.toml"',
    expected: 'p.toml:6:1: extends: t/nope.toml does not exist\n  create t/nope.toml, or correct the path',
  },
  {
    name: 'templates in a circle',
    pool: 'extends = "../t/a.toml"',
    files: { 't/a.toml': 'extends = "b.toml"', 't/b.toml': '\nextends = "a.toml"' },
    expected:
      't/b.toml:2:1: extends: the files extend each other in a circle: t/a.toml -> t/b.toml -> t/a.toml\n  remove one of these extends',
  },
  {
    name: 'nothing to scale on',
    whole: GOOD_POOL.replace('static', 'ondemand').replace(
      /^listen.address = .*$/m,
      'listen.address = "none"',
    ),
    expected:
      'p.toml:4:1: pm.mode: a pool that listens on nothing has no connections by which it could be ondemand\n  write: pm.mode = "static"',
  },
  {
    name: 'a mistake in a template, where it is',
    pool: 'extends = "../t/a.toml"',
    files: { 't/a.toml': '\nprocess.priority = 99\nenv.A = "$nope"' },
    expected: `t/a.toml:2:1: process.priority: found 99; allowed: a whole number from -20 to 19
  leave process.priority out for its default, 0, or set a whole number from -20 to 19
t/a.toml:3:1: env.A: $nope is not a variable
  for a dollar sign itself, write $$`,
  },
  {
    name: 'a mistake in [defaults] that every pool hides',
    global: '[defaults]\nuser = true\n',
    pool: '',
    expected:
      'fpm-ts.toml:2:1: user: found true; allowed: a user name or a uid\n  leave user out (required as root, otherwise the user that starts fpm-ts), or set a user name or a uid',
  },
  {
    name: '[defaults] that extends',
    global: '[defaults]\nextends = "x.toml"\n',
    pool: '',
    expected:
      'fpm-ts.toml:2:1: extends: [defaults] is underneath every pool already and extends nothing itself\n  set the keys here, or say extends in the pool files',
  },
];

const DYNAMIC = GOOD_POOL.replace('static', 'dynamic').replace('= 2', '= 8');

const DYNAMIC_ROWS: readonly (readonly [string, string])[] = [
  ['pm.min_spare_servers = 1\npm.max_spare_servers = 8\npm.start_servers = 8', ''],
  [
    'pm.min_spare_servers = 2',
    'p.toml:1:1: pm.max_spare_servers: must be set for a dynamic pool\n  add pm.max_spare_servers = 3',
  ],
  [
    'pm.max_spare_servers = 2',
    'p.toml:1:1: pm.min_spare_servers: must be set for a dynamic pool\n  add pm.min_spare_servers = 1',
  ],
  [
    'pm.min_spare_servers = 4\npm.max_spare_servers = 3',
    'p.toml:6:1: pm.min_spare_servers: 4 is more than pm.max_spare_servers, 3\n  set min_spare_servers to at most 3, or raise max_spare_servers',
  ],
  [
    'pm.min_spare_servers = 1\npm.max_spare_servers = 9',
    'p.toml:7:1: pm.max_spare_servers: 9 is more than pm.max_children, 8\n  set max_spare_servers to at most 8, or raise max_children',
  ],
  [
    'pm.min_spare_servers = 2\npm.max_spare_servers = 3\npm.start_servers = 1',
    'p.toml:8:1: pm.start_servers: 1 is less than pm.min_spare_servers, 2\n  set start_servers to at least 2',
  ],
  [
    'pm.min_spare_servers = 2\npm.max_spare_servers = 3\npm.start_servers = 4',
    'p.toml:8:1: pm.start_servers: 4 is more than pm.max_spare_servers, 3\n  set start_servers to at most 3, or raise max_spare_servers',
  ],
];

const ALL_ROWS: readonly Row[] = [
  ...ROWS,
  ...DYNAMIC_ROWS.map(
    ([lines, expected]): Row => ({
      name: `dynamic with ${lines.replaceAll('\n', ', ')}`,
      whole: `${DYNAMIC}${lines}\n`,
      expected,
    }),
  ),
];

for (const row of ALL_ROWS) {
  void test(row.name, t => {
    const pool = row.whole ?? `${GOOD_POOL}${row.pool ?? ''}\n`;
    const tree = writeTree(t, { 'fpm-ts.toml': row.global ?? '', 'pools.d/p.toml': pool, ...row.files });
    const result = tree.load({ uid: row.uid ?? 0 });
    assert.equal(said(tree, result), row.expected);
    const hasErrors = row.expected !== '' && !row.expected.includes(' notice: ');
    assert.equal(result.config === null || result.obstacles.size > 0, hasErrors);
  });
}
