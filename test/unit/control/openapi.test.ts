/** docs/openapi.json: what it says of each command is what the table and the schemas say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { COMMANDS, type CommandName, commandNamed } from '../../../src/commands/commands.ts';
import { openApiDocument } from '../../../src/control/openapi.ts';
import { ERRORS } from '../../../src/errors.ts';
import { pathOf } from '../../../src/keeper/supervision/command-rule.ts';
import { argumentSchema, type OpenApi, type Operation, operationOf } from '../../lib/openapi.ts';

const document = openApiDocument() as OpenApi;

function operation(name: CommandName): Operation {
  return operationOf(document, commandNamed(name).method, pathOf({ name }));
}

function takes(name: CommandName, args: unknown): boolean {
  return z.fromJSONSchema(argumentSchema(operation(name))).safeParse(args).success;
}

void test('every command has its path, method and name, and nothing else has one', () => {
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => [operationId, method.toUpperCase(), path]),
  );
  const table = COMMANDS.map(it => [it.name, it.method, pathOf(it)]);
  assert.deepEqual(described, table);
});

void test('every error code of the registry that the socket can answer stands with one HTTP status', () => {
  const { responses } = operation('reload');
  const codes = Object.entries(responses)
    .filter(([status]) => !['200', '413', '429'].includes(status))
    .flatMap(([, { description }]) => description.split(', '));
  const unanswered = ['NOT_RUNNING', 'NOT_ANSWERING', 'ALREADY_RUNNING'];
  const expected = Object.keys(ERRORS).filter(code => !unanswered.includes(code));
  assert.deepEqual(codes.sort(), expected.sort());
});

void test('arguments: required ones, types, bounds and unknown names', () => {
  const rows: [CommandName, unknown, boolean][] = [
    ['status', {}, true],
    ['status', { pool: 'www' }, true],
    ['status', { pool: '' }, false],
    ['status', { pool: ['www', 'api'] }, true],
    ['status', { pool: ['www', ''] }, false],
    ['reload', {}, true],
    ['reload', { pools: ['www'], changed: true, dry_run: false }, true],
    ['reload', { pools: 'www' }, false],
    ['reload', { force: true }, false],
    ['stop', { pools: ['www'], now: true }, true],
    ['stop', { now: 'yes' }, false],
    ['start', { pools: ['www'] }, true],
    ['start', {}, false],
    ['start', { pools: [] }, false],
    ['scale', { pool: 'www', workers: 0 }, true],
    ['scale', { pool: 'www', workers: -1 }, false],
    ['scale', { pool: 'www', workers: 1.5 }, false],
    ['scale', { pool: 'www' }, false],
    ['pause', { pools: ['www'] }, true],
    ['pause', {}, false],
    ['resume', { pools: [] }, false],
    ['reopen-logs', {}, true],
    ['reopen-logs', { pool: 'www' }, false],
  ];
  for (const [name, args, expected] of rows) {
    assert.equal(takes(name, args), expected, `${name} ${JSON.stringify(args)}`);
  }
});
