/** The help of every command says what it does and has an example that names it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from '../../../src/cli/program.ts';
import { COMMANDS } from '../../../src/commands/commands.ts';

const program = createProgram('main.js');
const commands = program.commands.filter(command => command.name() !== 'help' && !isHidden(command));

function isHidden(command: Command): boolean {
  return !program.createHelp().visibleCommands(program).includes(command);
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: part => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

void test('the commands are there, and no others show', () => {
  const names = [
    'start',
    'stop',
    'reload',
    'upgrade',
    'status',
    'scale',
    'pause',
    'resume',
    'takeover',
    'explain',
    'reopen-logs',
    'check',
    'config',
    'logs',
  ];
  assert.deepEqual(
    commands.map(command => command.name()),
    [...names, 'request', 'serve', 'observe', 'simulate', 'cgi', 'spawn', 'init'],
  );
});

void test('every command of the control socket is one of the command line', () => {
  const names = commands.map(command => command.name());
  assert.deepEqual(
    COMMANDS.map(({ name }) => name).filter(name => !names.includes(name)),
    [],
  );
});

for (const command of [program, ...commands]) {
  const name = command === program ? 'fpm-ts' : `fpm-ts ${command.name()}`;
  void test(`${name} --help has a description, every option explained, and an example of its own`, () => {
    const help = helpOf(command);
    assert.ok(command.description().length > 10, help);
    for (const { flags, description } of command.options)
      assert.ok(description !== '', `${flags} in ${help}`);
    const examples = /^Examples?:\n((?: {2}.+\n?)+)/m.exec(help)?.[1] ?? '';
    assert.match(
      examples,
      new RegExp(`^  fpm-ts (-c \\S+ )?${command === program ? '' : command.name()}`, 'm'),
    );
  });
}
