/** The JSON Schemas of both kinds of file, with which an editor completes and checks them. */
import * as z from 'zod';
import type { SettingMeta } from '../../src/config/schema/setting.ts';
import { globalSchema, KEYS, poolSchema } from '../../src/config/schema.ts';

interface Node {
  [name: string]: unknown;
  properties?: Record<string, Node>;
}

export function poolJsonSchema(): object {
  return { ...base('A pool of fpm-ts', 'One pool: the file is named after it.'), ...poolNode() };
}

export function globalJsonSchema(): object {
  const { properties, ...rest } = convert(globalSchema);
  const { extends: _, ...defaults } = poolNode().properties ?? {};
  const description = 'Keys of a pool: they hold for every pool that does not set them.';
  return {
    ...base('fpm-ts.toml', 'The configuration of the supervisor.'),
    ...rest,
    properties: {
      ...properties,
      defaults: { type: 'object', description, properties: defaults, additionalProperties: false },
    },
  };
}

function base(title: string, description: string): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    description,
  };
}

/** `listen = "..."` and `pm = "..."` stand for the key that the value would otherwise be under. */
function poolNode(): Node {
  const node = convert(poolSchema);
  const { listen, pm } = node.properties ?? {};
  return {
    ...node,
    properties: { ...node.properties, listen: plainOr(listen, 'address'), pm: plainOr(pm, 'mode') },
  };
}

function plainOr(group: Node | undefined, key: string): Node {
  const plain = group?.properties?.[key] ?? {};
  return { description: plain.description, anyOf: [plain, group] };
}

const described = z.registry<{ description: string }>();
for (const { schema, meta } of [...KEYS.global.values(), ...KEYS.pool.values()])
  described.add(schema, { description: describe(meta) });

/** No key is required here: [defaults] or a template may have it, which an editor cannot see. */
function convert(schema: z.ZodType): Node {
  const converted = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    metadata: described,
    override: ({ jsonSchema, zodSchema }) => {
      delete jsonSchema.required;
      // The largest safe integer is JavaScript's bound, not one of ours.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (zodSchema instanceof z.ZodPrefault && !described.has(zodSchema)) delete jsonSchema.default;
    },
  });
  const { $schema: _, ...node } = converted;
  return node as Node;
}

function describe(meta: SettingMeta): string {
  const rest = meta.computedDefault === undefined ? '' : ` Default: ${meta.computedDefault}.`;
  return `${meta.description} Allowed: ${meta.allowed}.${rest}`;
}
