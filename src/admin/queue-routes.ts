/** Queues and their messages. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ActionOutcome, MessageAction } from '../broker/management-api.js';
import type { Administration, BrowseOptions, OrderOptions } from '../node/administration.js';
import { HoldfastError } from '../platform/errors.js';
import { faultOfName, KIND_PREFIX, NAME_RULE } from '../protocols/shared/destination-name.js';
import type { Answerer } from './answerer.js';
import { reachOf, requireReach, sightOf } from './authorization.js';
import { BROWSE_NAMED, CREATE_NAMED, MANAGE_NAMED, VIEW_NAMED, VIEW_SOME } from './routes.js';
import {
  BODY_BYTES,
  BROWSE_QUERY,
  listOf,
  MESSAGE,
  MESSAGE_PARAMS,
  MOVE_BODY,
  NAME_PARAMS,
  ORDER_BODY,
  OUTCOME,
  PAGE,
  QUEUE,
} from './schemas.js';

const tags = ['queues'];
const DEFAULT_DETAIL_BYTES = 1024 * 1024;

type Named = { Params: { name: string } };
type OneMessage = { Params: { name: string; id: number } };

export function addQueueRoutes(
  server: FastifyInstance,
  administration: Administration,
  answerer: Answerer,
): void {
  server.get(
    '/api/v1/queues',
    {
      config: VIEW_SOME,
      schema: { tags, summary: 'All queues', response: { 200: listOf('queues', QUEUE) } },
    },
    (request) => {
      const sees = sightOf(request);
      return { ...answerer(), queues: administration.queues().filter(({ name }) => sees(name)) };
    },
  );
  server.get<Named>(
    '/api/v1/queues/:name',
    {
      config: VIEW_NAMED,
      schema: { tags, summary: 'One queue', params: NAME_PARAMS, response: { 200: QUEUE } },
    },
    ({ params }) => administration.queue(params.name),
  );
  addLifeRoutes(server, administration);
  addBrowseRoutes(server, administration);
  addOrderRoutes(server, administration);
}

function addLifeRoutes(server: FastifyInstance, administration: Administration): void {
  server.put<Named>(
    '/api/v1/queues/:name',
    {
      config: CREATE_NAMED,
      schema: {
        tags,
        summary: 'Makes a queue; nothing happens when it is there',
        params: NAME_PARAMS,
        response: { 200: QUEUE, 201: QUEUE },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      requireName(name, administration);
      const { isNew } = await administration.createQueue(name);
      request.audit = { queue: name, isNew };
      return reply.code(isNew ? 201 : 200).send(administration.queue(name));
    },
  );
  server.delete<Named & { Querystring: { purge?: boolean } }>(
    '/api/v1/queues/:name',
    {
      config: MANAGE_NAMED,
      schema: {
        tags,
        summary: 'Deletes a queue that nobody consumes from and that is empty',
        params: NAME_PARAMS,
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            purge: { type: 'boolean', default: false, description: 'Purges it before.' },
          },
        },
        response: { 204: { type: 'null', description: 'It is gone.' } },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { consumers } = administration.queue(name);
      const isPurged = request.query.purge === true && consumers === 0;
      const purged = isPurged ? await administration.act(name, { kind: 'purge' }, {}) : null;
      await administration.deleteQueue(name);
      request.audit = { queue: name, purged: purged?.done ?? 0 };
      return reply.code(204).send();
    },
  );
  for (const change of ['pause', 'resume'] as const) {
    server.post<Named>(
      `/api/v1/queues/:name/${change}`,
      {
        config: MANAGE_NAMED,
        schema: {
          tags,
          summary:
            change === 'pause'
              ? 'Delivers nothing from it, until it is resumed or another node is live'
              : 'Delivers from it again',
          params: NAME_PARAMS,
          response: { 200: QUEUE },
        },
      },
      (request) => {
        const { name } = request.params;
        administration[change](name);
        request.audit = { queue: name };
        return administration.queue(name);
      },
    );
  }
}

function addBrowseRoutes(server: FastifyInstance, administration: Administration): void {
  server.get<Named & { Querystring: BrowseOptions }>(
    '/api/v1/queues/:name/messages',
    {
      config: BROWSE_NAMED,
      schema: {
        tags,
        summary: 'Messages as they came, whoever has them at this moment; nothing is taken out',
        params: NAME_PARAMS,
        querystring: BROWSE_QUERY,
        response: { 200: PAGE },
      },
    },
    ({ params, query }) => administration.browse(params.name, query),
  );
  server.get<OneMessage & { Querystring: { bodyBytes: number } }>(
    '/api/v1/queues/:name/messages/:id',
    {
      config: BROWSE_NAMED,
      schema: {
        tags,
        summary: 'One message',
        params: MESSAGE_PARAMS,
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: { bodyBytes: { ...BODY_BYTES, default: DEFAULT_DETAIL_BYTES } },
        },
        response: { 200: MESSAGE },
      },
    },
    ({ params, query }) => administration.message(params.name, params.id, query.bodyBytes),
  );
  server.delete<OneMessage>(
    '/api/v1/queues/:name/messages/:id',
    {
      config: MANAGE_NAMED,
      schema: {
        tags,
        summary: 'Removes one message',
        params: MESSAGE_PARAMS,
        response: { 200: OUTCOME },
      },
    },
    (request) => {
      const { name, id } = request.params;
      return carryOut(request, administration, name, { kind: 'purge' }, { ids: [id] });
    },
  );
}

const ORDERS = {
  purge: 'Removes messages for good',
  expire: 'Lets messages expire now, which moves them to the expiry address if there is one',
  retry:
    'Sends dead letters back to where they were sent first, as far as the caller may send there',
} as const;

const MOVES = {
  move: 'Moves messages to another queue, which the caller may send to',
  copy: 'Copies messages to another queue, which the caller may send to',
} as const;

function addOrderRoutes(server: FastifyInstance, administration: Administration): void {
  const response = { 200: OUTCOME };
  for (const [kind, summary] of Object.entries(ORDERS)) {
    server.post<Named & { Body: OrderOptions | null }>(
      `/api/v1/queues/:name/${kind}`,
      {
        config: MANAGE_NAMED,
        schema: { tags, summary, params: NAME_PARAMS, body: ORDER_BODY, response },
      },
      (request) => {
        const action = orderOf(kind as keyof typeof ORDERS, request, administration);
        return carryOut(request, administration, request.params.name, action, request.body ?? {});
      },
    );
  }
  for (const [kind, summary] of Object.entries(MOVES)) {
    server.post<Named & { Body: OrderOptions & { readonly to: string } }>(
      `/api/v1/queues/:name/${kind}`,
      {
        config: MANAGE_NAMED,
        schema: { tags, summary, params: NAME_PARAMS, body: MOVE_BODY, response },
      },
      (request) => {
        const { to, ...options } = request.body;
        requireName(to, administration);
        const action = { kind: kind as keyof typeof MOVES, to };
        request.audit = { queue: request.params.name, ...action };
        requireReach(request, to, (name) => administration.hasQueue(name));
        return carryOut(request, administration, request.params.name, action, options);
      },
    );
  }
}

function orderOf(
  kind: keyof typeof ORDERS,
  request: FastifyRequest,
  administration: Administration,
): MessageAction {
  if (kind !== 'retry') return { kind };
  return { kind, mayGoTo: reachOf(request, (name) => administration.hasQueue(name)) };
}

async function carryOut(
  request: FastifyRequest,
  administration: Administration,
  queue: string,
  action: MessageAction,
  options: OrderOptions,
): Promise<ActionOutcome> {
  const { ids, ...rest } = options;
  const to = 'to' in action ? { to: action.to } : {};
  const count = ids === undefined ? {} : { ids: ids.length };
  const asked = { queue, kind: action.kind, ...to, ...rest, ...count };
  request.audit = asked;
  const outcome = await administration.act(queue, action, options);
  const { done, skipped, isComplete } = outcome;
  request.audit = { ...asked, done, skipped, isComplete };
  return outcome;
}

function requireName(name: string, administration: Administration): void {
  const isGood = (text: string): boolean => faultOfName(text, false) === null;
  const isPlain = (text: string): boolean => isGood(text) && !KIND_PREFIX.test(text);
  if (isPlain(name) || (isGood(name) && administration.hasQueue(name))) return;
  const rest = name.replace(KIND_PREFIX, '');
  const how = isPlain(rest) ? `Write ${rest}, without a prefix.` : NAME_RULE;
  throw new HoldfastError('CLIENT_FAILED', `"${name}" cannot be the name of a queue. ${how}`);
}
