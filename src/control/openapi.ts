/** The control socket as an OpenAPI 3.1 document, made from the command table and the schemas: docs/openapi.json. */
import * as z from 'zod';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { VERSION } from '../version.ts';
import { COMMANDS, type Command, type CommandName } from './commands.ts';
import { httpStatus } from './error-body.ts';
import { ERROR_SCHEMA, SCHEMAS } from './schemas.ts';
import { SIGN_EVERY_MS, SILENCE_LIMIT_MS } from './signs-of-life.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

const DESCRIPTION = `HTTP with JSON on the Unix socket \`control.socket\` of the configuration:

    curl --unix-socket /run/fpm-ts/control.sock http://localhost/v1/status

The kernel identifies the caller (SO_PEERCRED); there is no password. Root, the user that fpm-ts runs as and the members
of control.group may use every command. The user of a pool may use status, explain and reload for that pool, by its name.
Answers to that user leave out the errors of other pools, and the settings of the administrator are null.

Each user has a number of connections, and each connection takes one request at a time: more are answered with
429 or 503 (BUSY) at once, and nothing was done.

While a command is under way, "102 Processing" comes every ${SIGN_EVERY_MS / 1000} seconds; without a sign of life for
${SILENCE_LIMIT_MS / 1000} seconds the supervisor hangs.`;

/** Of the command line: a supervisor that answers is one that runs. */
const NOT_ANSWERED: readonly ErrorCode[] = ['NOT_RUNNING', 'NOT_ANSWERING', 'ALREADY_RUNNING'];

export function openApiDocument(): object {
  return {
    openapi: '3.1.0',
    info: { title: 'fpm-ts control socket', version: VERSION, description: DESCRIPTION },
    servers: [{ url: 'http://localhost', description: 'Over the Unix socket; the host is only a name.' }],
    paths: Object.fromEntries(
      Object.entries(COMMANDS).map(([name, command]) => [
        command.path,
        { [command.method.toLowerCase()]: operation(name as CommandName, command) },
      ]),
    ),
    components: { schemas: { Error: jsonSchema(ERROR_SCHEMA, 'output') } },
  };
}

function operation(name: CommandName, command: Command): object {
  const { args, result } = SCHEMAS[name];
  return {
    operationId: name,
    summary: command.help,
    'x-read-only': command.isReadOnly,
    'x-for-pool-users': command.isForPoolUsers,
    ...(command.method === 'GET' ? { parameters: parameters(args) } : { requestBody: requestBody(args) }),
    responses: {
      200: { description: 'It was done.', content: content(jsonSchema(result, 'output')) },
      ...errorResponses(),
      429: errorResponse('BUSY'),
      ...(command.method === 'POST' && { 413: errorResponse('The body is too large: USAGE.') }),
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
