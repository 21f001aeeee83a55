/** Reads an OpenAPI document as far as the tests of the control socket need it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { REPOSITORY } from './paths.ts';

type Schema = Parameters<typeof z.fromJSONSchema>[0];
type Content = { readonly content: { readonly 'application/json': { readonly schema: Schema } } };

interface Parameter {
  readonly name: string;
  readonly required: boolean;
  readonly schema: Schema;
}

export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content & { readonly description: string }>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** docs/openapi.json as committed. */
export function publishedOpenApi(): OpenApi {
  return JSON.parse(readFileSync(join(REPOSITORY, 'docs/openapi.json'), 'utf8')) as OpenApi;
}

export function operationOf(document: OpenApi, method: string, path: string): Operation {
  const operation = document.paths[path]?.[method.toLowerCase()];
  if (operation === undefined) throw new Error(`openapi.json has no ${method} ${path}`);
  return operation;
}

/** What a command takes, as one schema, whether it is in the query or in the body. */
export function argumentSchema({ parameters, requestBody }: Operation): Schema {
  if (requestBody !== undefined) return requestBody.content['application/json'].schema;
  const all = parameters ?? [];
  return {
    type: 'object',
    properties: Object.fromEntries(all.map(({ name, schema }) => [name, schema])),
    required: all.filter(({ required }) => required).map(({ name }) => name),
    additionalProperties: false,
  } as Schema;
}

/** Why an answer is not what the document says; undefined when it is. */
export function mismatch(
  document: OpenApi,
  { method, path, status }: { readonly method: string; readonly path: string; readonly status: number },
  answer: unknown,
): string | undefined {
  const { responses } = operationOf(document, method, path);
  const schema = responses[String(status)]?.content['application/json'].schema;
  if (schema === undefined) return `no answer ${status} is described for ${method} ${path}`;
  const reference = (schema as { $ref?: string }).$ref?.replace('#/components/schemas/', '');
  const resolved = reference === undefined ? schema : document.components.schemas[reference];
  if (resolved === undefined) return `${reference} is not in components`;
  const parsed = z.fromJSONSchema(resolved).safeParse(answer);
  return parsed.success ? undefined : z.prettifyError(parsed.error);
}
