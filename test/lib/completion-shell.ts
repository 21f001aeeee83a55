/** bash, zsh and fish as somebody types in them: what a line becomes when all completions of its last word are inserted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, runCommand } from './command.ts';
import { REPOSITORY } from './paths.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';

export interface CompletionShell {
  /** What is offered for the last word of `line`; sorted, a directory's slash and option's "=" left out. */
  complete(line: string): Promise<string[]>;
}

const COMPLETIONS = join(REPOSITORY, 'packaging/completions');

const INSERT_ALL = '\x18a'; // Ctrl-X a
const TELL_LINE = '\x18t';
const KILL_LINE = '\x15';
const PROMPT = 'type>';

/** Readline's own widget inserts all; our key writes the line as it stands then. */
const BASH_RC = (told: string): string => `
source /usr/share/bash-completion/bash_completion
source ${COMPLETIONS}/fpm-ts.bash
tell() { printf '%s\\n' "$READLINE_LINE" >>'${told}'; }
bind 'set bell-style none'
bind '"\\C-xa": insert-completions'
bind -x '"\\C-xt": tell'
PS1='${PROMPT}'
`;

/** _all_matches is zsh's own completer for "all of them". The file is found by name, as in a site-functions directory. */
const ZSH_RC = (told: string): string => `
fpath=(${COMPLETIONS} $fpath)
autoload -Uz compinit && compinit -D -u
zle -C insert-all complete-word _generic
zstyle ':completion:insert-all::::' completer _all_matches _complete
zstyle ':completion:insert-all:*' insert yes
tell() { print -r -- "$BUFFER" >>'${told}' }
zle -N tell
bindkey -e
bindkey '^Xa' insert-all
bindkey '^Xt' tell
PS1='${PROMPT}' RPS1=
unsetopt beep
`;

export type ShellName = 'bash' | 'zsh' | 'fish';

/** @param path directories that are looked in for programs first */
export async function completionShell(place: Place, name: ShellName, path: string): Promise<CompletionShell> {
  const home = join(place.dir, `home-${name}`);
  mkdirSync(home);
  const env = { ...cleanEnvironment(), HOME: home, PATH: `${path}:${process.env.PATH}`, TERM: 'vt100' };
  return name === 'fish' ? fish(env) : await interactive(place, name, home, env);
}

async function interactive(
  place: Place,
  name: 'bash' | 'zsh',
  home: string,
  env: NodeJS.ProcessEnv,
): Promise<CompletionShell> {
  const told = join(home, 'told');
  writeFileSync(told, '');
  const rc = join(home, name === 'bash' ? 'rc' : '.zshrc');
  writeFileSync(rc, name === 'bash' ? BASH_RC(told) : ZSH_RC(told));
  const command = name === 'bash' ? `bash --noprofile --rcfile ${rc} -i` : `zsh -d -i`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: place.dir,
    env: { ...env, ZDOTDIR: home, COLUMNS: '1000' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  place.defer(async () => {
    child.kill('SIGKILL'); // its shell gets a hang-up with the terminal
    await ended;
  });
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  const explain = (): string => JSON.stringify(shown.slice(-2000));
  await until(() => shown.includes(PROMPT), { what: `${name} to prompt`, explain });
  return {
    async complete(line) {
      const before = readFileSync(told, 'utf8').length;
      child.stdin.write(line + INSERT_ALL + TELL_LINE + KILL_LINE);
      const text = await until(
        () => {
          const said = readFileSync(told, 'utf8').slice(before);
          return said.endsWith('\n') ? said : undefined;
        },
        { what: `${name} to tell what became of ${line}`, explain },
      );
      const typed = line.slice(line.lastIndexOf(' ') + 1);
      const words = text.slice(line.length - typed.length).split(/\s+/);
      return tidy(words.filter(word => word !== typed || isWhole(text, line)));
    },
  };
}

/** Whether the word that was typed became a completed one, which a blank follows. */
function isWhole(text: string, line: string): boolean {
  return text.length > line.length + 1;
}

/** `complete -C` is fish's own way to ask what it would offer. */
function fish(env: NodeJS.ProcessEnv): CompletionShell {
  return {
    async complete(line) {
      const script = `source ${COMPLETIONS}/fpm-ts.fish; complete -C $argv[1]`;
      const { stdout, stderr } = await runCommand('fish', ['-N', '-c', script, line], { env });
      if (stderr !== '') throw new Error(stderr);
      return tidy(stdout.split('\n').map(offered => offered.replace(/\t.*/, '')));
    },
  };
}

function tidy(words: readonly string[]): string[] {
  const bare = words.map(word => word.replace(/[/=]$/, '')).filter(word => word !== '');
  return [...new Set(bare)].sort();
}
