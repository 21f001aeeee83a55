# bash completion for fpm-ts
# Generated from the command table (src/cli/) by npm run generate.

# Sets `kind` to what follows this option of this command; empty for a switch.
_fpm_ts_value() {
  kind=
  case $1,$2 in
    ,-c | ,--config) kind=file ;;
    start,-c | start,--config) kind=file ;;
    stop,-c | stop,--config) kind=file ;;
    reload,-c | reload,--config) kind=file ;;
    upgrade,-c | upgrade,--config) kind=file ;;
    status,-c | status,--config) kind=file ;;
    scale,-c | scale,--config) kind=file ;;
    pause,-c | pause,--config) kind=file ;;
    resume,-c | resume,--config) kind=file ;;
    takeover,--pid) kind=other ;;
    takeover,-c | takeover,--config) kind=file ;;
    explain,-c | explain,--config) kind=file ;;
    reopen-logs,-c | reopen-logs,--config) kind=file ;;
    check,-c | check,--config) kind=file ;;
    config,-c | config,--config) kind=file ;;
    logs,-n | logs,--lines) kind=other ;;
    logs,--since) kind=other ;;
    logs,--level) kind=other ;;
    logs,-c | logs,--config) kind=file ;;
    request,-X | request,--method) kind=other ;;
    request,-H | request,--header) kind=other ;;
    request,-d | request,--data) kind=other ;;
    request,--timeout) kind=other ;;
    request,-c | request,--config) kind=file ;;
    serve,--http) kind=other ;;
    serve,-c | serve,--config) kind=file ;;
    observe,-n | observe,--count) kind=other ;;
    observe,--min-spare) kind=other ;;
    observe,--max-spare) kind=other ;;
    observe,--max-children) kind=other ;;
    observe,-c | observe,--config) kind=file ;;
    simulate,--log) kind=file ;;
    simulate,--format) kind=other ;;
    simulate,--start-time) kind=other ;;
    simulate,-c | simulate,--config) kind=file ;;
    cgi,--root) kind=directory ;;
    cgi,--protocol) kind='words fastcgi scgi' ;;
    cgi,--extension) kind=other ;;
    cgi,--program) kind=file ;;
    cgi,--interpreter) kind=other ;;
    cgi,--user) kind=user ;;
    cgi,--env) kind=other ;;
    cgi,--pass-env) kind=other ;;
    cgi,--max-scripts) kind=other ;;
    cgi,--max-per-script) kind=other ;;
    cgi,--max-queue) kind=other ;;
    cgi,--timeout) kind=other ;;
    cgi,--kill-after) kind=other ;;
    cgi,--max-cpu-time) kind=other ;;
    cgi,--max-memory) kind=other ;;
    cgi,--max-file-size) kind=other ;;
    cgi,--max-params) kind=other ;;
    cgi,-c | cgi,--config) kind=file ;;
    spawn,-f) kind=other ;;
    spawn,-d) kind=directory ;;
    spawn,-a) kind=other ;;
    spawn,-p) kind=other ;;
    spawn,-s) kind=file ;;
    spawn,-M) kind=other ;;
    spawn,-C) kind=other ;;
    spawn,-F) kind=other ;;
    spawn,-b) kind=other ;;
    spawn,-P) kind=file ;;
    spawn,-c) kind=directory ;;
    spawn,-u) kind=user ;;
    spawn,-g) kind=group ;;
    spawn,-U) kind=user ;;
    spawn,-G) kind=group ;;
    init,--directory) kind=directory ;;
    init,-c | init,--config) kind=file ;;
    help,-c | help,--config) kind=file ;;
  esac
}

# Sets `kind` to what this argument of this command is, counted from 0.
_fpm_ts_argument() {
  case $1,$2 in
    start,*) kind=pool ;;
    stop,*) kind=pool ;;
    reload,*) kind=pool ;;
    status,*) kind=pool ;;
    scale,0) kind=pool ;;
    scale,1) kind=other ;;
    pause,*) kind=pool ;;
    resume,*) kind=pool ;;
    takeover,0) kind=pool ;;
    explain,0) kind=pool ;;
    config,0) kind=pool ;;
    logs,0) kind=pool ;;
    request,0) kind=pool ;;
    request,1) kind=other ;;
    serve,0) kind=pool ;;
    observe,0) kind=file ;;
    simulate,0) kind=pool ;;
    spawn,*) kind=file ;;
    help,0) kind='words start stop reload upgrade status scale pause resume takeover explain reopen-logs check config logs request serve observe simulate cgi spawn init help' ;;
    *) kind=other ;;
  esac
}

# Prints the options of a command.
_fpm_ts_options() {
  case $1 in
    start) echo '--daemonize -h --help -c --config --json' ;;
    stop) echo '--now -h --help -c --config --json' ;;
    reload) echo '--changed --dry-run -h --help -c --config --json' ;;
    upgrade) echo '--dry-run -h --help -c --config --json' ;;
    status) echo '--watch --check -h --help -c --config --json' ;;
    scale) echo '--force -h --help -c --config --json' ;;
    pause) echo '-h --help -c --config --json' ;;
    resume) echo '-h --help -c --config --json' ;;
    takeover) echo '--pid -h --help -c --config --json' ;;
    explain) echo '-h --help -c --config --json' ;;
    reopen-logs) echo '-h --help -c --config --json' ;;
    check) echo '--static -h --help -c --config --json' ;;
    config) echo '--origin -h --help -c --config --json' ;;
    logs) echo '-n --lines --since --level -f --follow -h --help -c --config --json' ;;
    request) echo '-X --method -H --header -d --data -i --include --raw --timeout -h --help -c --config --json' ;;
    serve) echo '--http -h --help -c --config --json' ;;
    observe) echo '-n --count --min-spare --max-spare --max-children -h --help -c --config --json' ;;
    simulate) echo '--log --format --start-time -h --help -c --config --json' ;;
    cgi) echo '--root --protocol --extension --program --interpreter --script-paths --user --env --pass-env --max-scripts --max-per-script --max-queue --timeout --kill-after --max-cpu-time --max-memory --max-file-size --max-params -h --help -c --config --json' ;;
    spawn) echo '-f -d -a -p -s -M -C -F -b -P -n -c -S -u -g -U -G -v -? -h --help' ;;
    init) echo '--directory --systemd -h --help -c --config --json' ;;
    help) echo '-c --config --json' ;;
    '') echo '-V --version -c --config --json -h --help' ;;
  esac
}

_fpm_ts() {
  local cur=${COMP_WORDS[COMP_CWORD]} command= kind= option= config= rest= at word
  local -i count=0
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    if [[ $word == = && $option == --* ]]; then # bash takes --option=value apart
      continue
    elif [[ -n $kind ]]; then
      [[ $option == -c || $option == --config ]] && config=$word
      kind= option=
    elif [[ $word == -- ]]; then
      rest=1
    elif [[ $word == -* && -z $rest ]]; then
      option=$word
      _fpm_ts_value "$command" "$word"
    elif [[ -z $command ]]; then
      command=$word option=
    else
      count+=1 option=
    fi
  done
  [[ $cur == = && -n $kind ]] && cur=
  if [[ -z $kind && $cur == -* && -z $rest ]]; then
    kind="words $(_fpm_ts_options "$command")"
  elif [[ -z $kind && -z $command ]]; then
    kind='words start stop reload upgrade status scale pause resume takeover explain reopen-logs check config logs request serve observe simulate cgi spawn init help'
  elif [[ -z $kind ]]; then
    _fpm_ts_argument "$command" "$count"
  fi
  if [[ $kind == pool ]]; then
    [[ $config == '~/'* ]] && config=$HOME/${config#'~/'}
    kind="words $(command "${COMP_WORDS[0]}" ${config:+-c "$config"} pool-names 2>/dev/null)"
  fi
  case $kind in
    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    directory) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
    group) mapfile -t COMPREPLY < <(compgen -g -- "$cur") ;;
    'words '*) mapfile -t COMPREPLY < <(compgen -W "${kind#words }" -- "$cur") ;;
  esac
}

complete -F _fpm_ts fpm-ts
