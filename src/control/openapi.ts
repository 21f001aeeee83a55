/** The control socket as an OpenAPI 3.1 document, made from the declarations in src/commands/: docs/openapi.json. */
import * as z from 'zod';
import { COMMANDS } from '../commands/commands.ts';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { pathOf } from '../keeper/supervision/command-rule.ts';
import { type ErrorBody, httpStatus } from '../keeper/supervision/error-body.ts';
import { VERSION } from '../version.ts';
import { SIGN_EVERY_MS, SILENCE_LIMIT_MS } from './signs-of-life.ts';

type Described = (typeof COMMANDS)[number] & { readonly http?: string };
type JsonSchema = z.core.JSONSchema.BaseSchema;

const DESCRIPTION = `HTTP with JSON on the Unix socket \`control.socket\` of the configuration:

    curl --unix-socket /run/fpm-ts/control.sock http://localhost/v1/status

The kernel identifies the caller (SO_PEERCRED); there is no password. Root, the user of fpm-ts, and
members of control.group may use every command. The user of a pool may use reload, status and explain for that pool, by its name.
Answers to that user leave out the errors of other pools, and the settings of the administrator are null.

Each user has a number of connections, and each connection takes one request at a time: more are answered with
429 or 503 (BUSY) at once, and nothing was done.

While a command is under way, "102 Processing" comes every ${SIGN_EVERY_MS / 1000} seconds; without a sign of life for
${SILENCE_LIMIT_MS / 1000} seconds the supervisor hangs.`;

/** Of the command line: a supervisor that answers is one that runs. */
const NOT_ANSWERED: readonly ErrorCode[] = ['NOT_RUNNING', 'NOT_ANSWERING', 'ALREADY_RUNNING'];

/** Of every failure. */
const ERROR_SCHEMA: z.ZodType<ErrorBody> = z.strictObject({
  error: z.strictObject({
    code: z.string().meta({ description: 'See docs/errors.md.' }),
    message: z.string(),
    file: z.string().nullable(),
    line: z.int().nullable(),
    column: z.int().nullable(),
    key: z.string().nullable(),
  }),
});

export function openApiDocument(): object {
  return {
    openapi: '3.1.0',
    info: { title: 'fpm-ts control socket', version: VERSION, description: DESCRIPTION },
    servers: [{ url: 'http://localhost', description: 'Over the Unix socket; the host is only a name.' }],
    paths: Object.fromEntries(
      COMMANDS.map(command => [pathOf(command), { [command.method.toLowerCase()]: operation(command) }]),
    ),
    components: { schemas: { Error: jsonSchema(ERROR_SCHEMA, 'output') } },
  };
}

function operation({ name, method, summary, http, isForPoolUsers, ...command }: Described): object {
  const args = command.args(z);
  return {
    operationId: name,
    summary,
    ...(http !== undefined && { description: http }),
    'x-read-only': method === 'GET',
    'x-for-pool-users': isForPoolUsers,
    ...(method === 'GET' ? { parameters: parameters(args) } : { requestBody: requestBody(args) }),
    responses: {
      200: { description: 'It was done.', content: content(jsonSchema(command.result(z), 'output')) },
      ...errorResponses(),
      429: errorResponse('BUSY'),
      ...(method === 'POST' && { 413: errorResponse('The body is too large: USAGE.') }),
    },
  };
}

/** A GET has its arguments in the query. */
function parameters(args: z.ZodType): object[] {
  const { properties = {}, required = [] } = jsonSchema(args, 'input');
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function requestBody(args: z.ZodType): object {
  const schema = jsonSchema(args, 'input');
  return { required: (schema.required ?? []).length > 0, content: content(schema) };
}

/** Errors by HTTP status, each with the codes that it may carry. */
function errorResponses(): object {
  const codes = (Object.keys(ERRORS) as ErrorCode[]).filter(code => !NOT_ANSWERED.includes(code));
  return Object.fromEntries(
    [...new Set(codes.map(httpStatus))].map(status => [
      status,
      errorResponse(codes.filter(code => httpStatus(code) === status).join(', ')),
    ]),
  );
}

function errorResponse(description: string): object {
  return { description, content: content({ $ref: '#/components/schemas/Error' }) };
}

function content(schema: object): object {
  return { 'application/json': { schema } };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...node } = z.toJSONSchema(schema, {
    target: 'draft-2020-12', // what OpenAPI 3.1 uses
    io,
    override: ({ jsonSchema: made }) => {
      // The safe integers are JavaScript's bounds, not ours.
      if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
      if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
    },
  });
  return node;
}
