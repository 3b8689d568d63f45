/**
 * The API as an OpenAPI 3.1 document, made of the very schemas that requests are checked with: in 3.1 those are
 * JSON Schema, so nothing has to be translated.
 */

import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import { PROBLEM_SCHEMA } from './problems.js';
import type { Access } from './routes.js';

type Json = { readonly [name: string]: unknown };

interface ObjectSchema {
  readonly properties?: { readonly [name: string]: Json };
  readonly required?: readonly string[];
}

/** To be called before the routes are added. Returns the document, as far as it has come. */
export function describeRoutes(server: FastifyInstance, version: string): () => Json {
  const paths: { [path: string]: { [method: string]: Json } } = {};
  server.addHook('onRoute', (route) => {
    const { schema, url } = route;
    // Pages are no calls.
    if (schema === undefined) return;
    const path = url.replace(/:(\w+)/g, '{$1}');
    for (const method of [route.method].flat()) {
      if (method === 'HEAD') continue;
      paths[path] ??= {};
      paths[path][method.toLowerCase()] = operation(schema, route);
    }
  });
  return () => ({
    openapi: '3.1.0',
    info: {
      title: 'Holdfast admin API',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'docs/admin.md explains it. A backup passes on what only the live node can answer.',
    },
    paths,
    security: [{ basic: [] }],
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      securitySchemes: {
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'Where the node requires users (docs/security.md).',
        },
      },
    },
  });
}

function operation(schema: FastifySchema, route: RouteOptions): Json {
  const { tags, summary, params, querystring, body, response } = schema;
  const { access, onLive } = (route.config ?? {}) as { access?: Access; onLive?: boolean };
  return {
    tags,
    summary,
    operationId: operationId(route),
    ...(access === undefined || access === 'open'
      ? { security: [] }
      : { 'x-right': access.right, 'x-right-on': access.on }),
    ...(onLive === true ? { 'x-answered-by': 'live' } : {}),
    parameters: [
      ...parameters('path', params as ObjectSchema | undefined),
      ...parameters('query', querystring as ObjectSchema | undefined),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { content: { 'application/json': { schema: body } } } }),
    responses: {
      ...responses((response ?? {}) as { readonly [status: string]: Json }),
      default: {
        description: 'Problem details',
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    },
  };
}

/** `post /api/v1/queues/:name/purge` becomes `postQueuesNamePurge`. */
function operationId({ method, url }: RouteOptions): string {
  const words = url.replace('/api/v1/', '').split(/\W+/);
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return `${String([method].flat()[0]).toLowerCase()}${name}`;
}

function parameters(where: 'path' | 'query', schema: ObjectSchema | undefined): Json[] {
  return Object.entries(schema?.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name,
    in: where,
    required: where === 'path' || (schema?.required ?? []).includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

function responses(all: { readonly [status: string]: Json }): Json {
  const given = Object.keys(all).length > 0 ? all : { 200: { type: 'null' } };
  const entries = Object.entries(given).map(([status, schema]) => {
    const { description = 'As asked for', contentType = 'application/json' } = schema;
    const content =
      schema.type === 'null' ? {} : { content: { [String(contentType)]: { schema } } };
    return [status, { description, ...content }];
  });
  return Object.fromEntries(entries) as Json;
}
