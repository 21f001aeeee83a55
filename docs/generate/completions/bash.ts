/** Completion for bash. It needs no other file, and evaluates nothing of what stands on the line. */
import { type Completed, type CompletedOption, completed, GENERATED, type Kind } from './model.ts';

export function bashCompletion(table: Completed = completed()): string {
  const names = table.commands.map(({ name }) => name);
  return `# bash completion for fpm-ts
# ${GENERATED}

# Sets \`kind\` to what follows this option of this command; empty for a switch.
_fpm_ts_value() {
  kind=
  case $1,$2 in
${valueCases(table)}
  esac
}

# Sets \`kind\` to what this argument of this command is, counted from 0.
_fpm_ts_argument() {
  case $1,$2 in
${argumentCases(table)}
    *) kind=other ;;
  esac
}

# Prints the options of a command.
_fpm_ts_options() {
  case $1 in
${table.commands.map(({ name, options }) => `    ${name}) echo '${namesOf(options)}' ;;`).join('\n')}
    '') echo '${namesOf(table.options)}' ;;
  esac
}

_fpm_ts() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command= kind= option= config= rest= at word
  local -i count=0
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
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
    kind='words ${names.join(' ')}'
  elif [[ -z $kind ]]; then
    _fpm_ts_argument "$command" "$count"
  fi
  if [[ $kind == pool ]]; then
    [[ $config == '~/'* ]] && config=$HOME/\${config#'~/'}
    kind="words $(command "\${COMP_WORDS[0]}" \${config:+-c "$config"} pool-names 2>/dev/null)"
  fi
  case $kind in
    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    directory) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
    group) mapfile -t COMPREPLY < <(compgen -g -- "$cur") ;;
    'words '*) mapfile -t COMPREPLY < <(compgen -W "\${kind#words }" -- "$cur") ;;
  esac
}

complete -F _fpm_ts fpm-ts
`;
}

function namesOf(options: readonly CompletedOption[]): string {
  return options.flatMap(({ names }) => names).join(' ');
}

function word(kind: Kind): string {
  return typeof kind === 'string' ? kind : `'words ${kind.join(' ')}'`;
}

function valueCases({ options, commands }: Completed): string {
  const cases = [{ name: '', options }, ...commands].flatMap(command =>
    command.options.flatMap(({ names, value }) =>
      value === null
        ? []
        : [`    ${names.map(name => `${command.name},${name}`).join(' | ')}) kind=${word(value)} ;;`],
    ),
  );
  return cases.join('\n');
}

function argumentCases({ commands }: Completed): string {
  const cases = commands.flatMap(command =>
    command.arguments.map(
      ({ kind, isVariadic }, at) => `    ${command.name},${isVariadic ? '*' : at}) kind=${word(kind)} ;;`,
    ),
  );
  return cases.join('\n');
}
