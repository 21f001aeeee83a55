/** Errors as JSON and back, with every code of the registry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode, FpmError } from '../../../../src/errors.ts';
import { errorBody, httpStatus, toFpmError } from '../../../../src/keeper/supervision/error-body.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

void test('an error is the same after its way over the socket', () => {
  const place = { file: '/etc/a.toml', line: 3, column: 7, key: 'pm.mode' };
  for (const code of CODES) {
    for (const error of [new FpmError(code, 'why', place), new FpmError(code, 'why')]) {
      const back = toFpmError(JSON.parse(JSON.stringify(errorBody(error))));
      assert.deepEqual(
        [back.code, back.message, back.place, back.exitCode],
        [code, 'why', error.place, error.exitCode],
      );
    }
  }
});

void test('what has no place has nulls there', () => {
  assert.deepEqual(errorBody(new FpmError('USAGE', 'why')), {
    error: { code: 'USAGE', message: 'why', file: null, line: null, column: null, key: null },
  });
});

void test('a code of a newer supervisor is a failure', () => {
  const { error } = errorBody(new FpmError('USAGE', 'why'));
  for (const code of ['NEWER', '__proto__', 'constructor'])
    assert.equal(toFpmError({ error: { ...error, code } }).code, 'FAILED');
});

void test('the HTTP status tells the class', () => {
  const classes: Readonly<Record<number, number>> = { 64: 400, 66: 404, 77: 403, 78: 422, 1: 500 };
  for (const code of CODES) {
    const expected = code === 'BUSY' ? 503 : classes[ERRORS[code].exit];
    if (expected !== undefined) assert.equal(httpStatus(code), expected, code);
  }
});
