/** Completion for zsh, by its own _arguments. */
import {
  type Completed,
  type CompletedArgument,
  type CompletedOption,
  completed,
  GENERATED,
  type Kind,
  quoted,
} from './model.ts';

export function zshCompletion(table: Completed = completed()): string {
  return `#compdef fpm-ts
# ${GENERATED}

_fpm_ts_pools() {
  local file=\${(Q)\${opt_args[-c]:-\${opt_args[--config]:-$config}}}
  local -a names expl
  [[ $file == '~/'* ]] && file=$HOME/\${file#'~/'}
  names=(\${(f)"$(_call_program pools \${(q)program} \${file:+-c} \${(q)file} pool-names 2>/dev/null)"})
  _wanted pools expl pool compadd -a names
}

_fpm-ts() {
  local curcontext=$curcontext program=$words[1] config state line
  local -A opt_args
  _arguments -C -s -S -A '-*' \\
${table.options.map(spec).join('')}    '1:command:->command' \\
    '*::argument:->argument' && return
  case $state in
    command)
      local -a commands=(
${table.commands.map(({ name, description }) => `        ${quoted(`${name}:${description}`)}`).join('\n')}
      )
      _describe -t commands 'fpm-ts command' commands
      ;;
    argument)
      config=\${opt_args[-c]:-$opt_args[--config]}
      curcontext=\${curcontext%:*:*}:fpm-ts-$words[1]:
      case $words[1] in
${table.commands.map(commandCase).join('\n')}
      esac
      ;;
  esac
}

# Sourced, it only registers itself; called for the first time by autoload, it is to answer.
if [[ $funcstack[1] == _fpm-ts ]]; then
  _fpm-ts "$@"
else
  compdef _fpm-ts fpm-ts
fi
`;
}

function commandCase({ name, options, arguments: args }: Completed['commands'][number]): string {
  const specs = [...options.map(spec), ...args.map(argumentSpec)].join('');
  return `        ${name})\n          _arguments -s -S \\\n${specs.replaceAll(/^ {4}/gm, '            ').replace(/ \\\n$/, '')}\n          ;;`;
}

function spec({ names, description, value }: CompletedOption): string {
  const about = `[${description.replaceAll(/[[\]\\]/g, '\\$&')}]`;
  const takes = value === null ? '' : `:${argumentOf(value)}`;
  const each = names.map(name =>
    quoted(`${exclusion(names)}${name}${spelling(name, value)}${about}${takes}`),
  );
  return each.map(it => `    ${it} \\\n`).join('');
}

/** Once is enough, by whichever name. */
function exclusion(names: readonly string[]): string {
  return `(${names.join(' ')})`;
}

/** --option=value and --option value; -o value and -ovalue. */
function spelling(name: string, value: Kind | null): string {
  if (value === null) return '';
  return name.startsWith('--') ? '=' : '+';
}

function argumentSpec({ name, kind, isVariadic }: CompletedArgument, at: number): string {
  const place = isVariadic ? '*' : String(at + 1);
  return `    ${quoted(`${place}:${name}${actionOf(kind)}`)} \\\n`;
}

function argumentOf(kind: Kind): string {
  return `${typeof kind === 'string' ? kind : 'value'}${actionOf(kind)}`;
}

function actionOf(kind: Kind): string {
  if (typeof kind !== 'string') return `:(${kind.join(' ')})`;
  return {
    file: ':_files',
    directory: ':_files -/',
    pool: ':_fpm_ts_pools',
    user: ':_users',
    group: ':_groups',
    other: ': ',
  }[kind];
}
