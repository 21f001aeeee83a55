/** Completion for fish: one line for each thing that can be offered, with when. */
import { type Completed, type CompletedOption, completed, GENERATED, type Kind } from './model.ts';

export function fishCompletion(table: Completed = completed()): string {
  return `# fish completion for fpm-ts
# ${GENERATED}

# Prints the command on the line and how many arguments it has so far, then the file of -c.
function __fpm_ts_line
    set -l command
    set -l config
    set -l count 0
    set -l taking
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test -n "$taking"
            contains -- $taking -c --config; and set config $word
            set taking
            continue
        end
        switch "$command,$word"
            case '*,--config=*'
                set config (string replace -- --config= '' $word)
            case ${valuedPatterns(table)}
                set taking $word
            case '*,-*'
            case ',*'
                set command $word
            case '*'
                set count (math $count + 1)
        end
    end
    printf '%s\\n' "$command" $count "$config"
end

# Whether this command is on the line, with so many arguments before the one that is typed, if that matters.
function __fpm_ts_at
    set -l line (__fpm_ts_line)
    test "$line[1]" = "$argv[1]"; or return 1
    test (count $argv) -eq 1; or test $line[2] -eq $argv[2]
end

function __fpm_ts_pools
    set -l line (__fpm_ts_line)
    set -l file (string replace -r '^~/' "$HOME/" -- $line[3])
    set -l program (commandline -opc)[1]
    if test -n "$file"
        command $program -c $file pool-names 2>/dev/null
    else
        command $program pool-names 2>/dev/null
    end
end

complete -c fpm-ts -f
${table.options.map(option => optionLine(option, '\'__fpm_ts_at ""\'')).join('\n')}
${table.commands
  .map(({ name, description }) => `complete -c fpm-ts -n '__fpm_ts_at ""' -a ${name} -d ${fish(description)}`)
  .join('\n')}
${table.commands.map(commandLines).join('\n')}
`;
}

function commandLines({ name, options, arguments: args }: Completed['commands'][number]): string {
  const offered = args.flatMap(({ kind, isVariadic }, at) => {
    const when = `'__fpm_ts_at ${name}${isVariadic ? '' : ` ${at}`}'`;
    const words = wordsOf(kind);
    return words === '' ? [] : [`complete -c fpm-ts -n ${when} ${words}`];
  });
  return ['', ...options.map(option => optionLine(option, `'__fpm_ts_at ${name}'`)), ...offered].join('\n');
}

function optionLine({ names, description, value }: CompletedOption, when: string): string {
  const named = names.map(name =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${fish(name.slice(1))}`,
  );
  const takes = value === null ? '' : ` ${value === 'file' ? '-r' : '-x'} ${wordsOf(value)}`.trimEnd();
  return `complete -c fpm-ts -n ${when} ${named.join(' ')}${takes} -d ${fish(description)}`;
}

function wordsOf(kind: Kind): string {
  if (typeof kind !== 'string') return `-a ${fish(kind.join(' '))}`;
  return {
    file: '-F',
    directory: `-a '(__fish_complete_directories)'`,
    pool: `-a '(__fpm_ts_pools)' -d pool`,
    user: `-a '(__fish_complete_users)'`,
    group: `-a '(__fish_complete_groups)'`,
    other: '',
  }[kind];
}

/** Every option that takes the next word. */
function valuedPatterns({ options, commands }: Completed): string {
  const patterns = [{ name: '', options }, ...commands].flatMap(command =>
    command.options.flatMap(({ names, value }) =>
      value === null ? [] : names.map(name => fish(`${command.name},${name}`)),
    ),
  );
  return patterns.join(' ');
}

function fish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
