/** Topics, subscriptions, consumers, connections and open transactions. */

import type { FastifyInstance } from 'fastify';
import type { Administration } from '../node/administration.js';
import { accessDenied } from '../security/rights.js';
import type { Answerer } from './answerer.js';
import { sightOf } from './authorization.js';
import { MANAGE_EVERYTHING, MANAGE_SOME, onLive, VIEW_EVERYTHING, VIEW_SOME } from './routes.js';
import { CONNECTION, CONSUMER, listOf, SUBSCRIPTION, TOPIC, TRANSACTION } from './schemas.js';

type Sight = ReturnType<typeof sightOf>;

const REASON = 'An operator closed this connection.';

/** By the address that each is of, callers see only what they may; connections and transactions are of none. */
const LISTS = [
  {
    name: 'topics',
    items: TOPIC,
    config: VIEW_SOME,
    summary: 'Topics with their subscriptions',
    list: (all: Administration, sees: Sight) => all.topics().filter(({ name }) => sees(name)),
  },
  {
    name: 'subscriptions',
    items: SUBSCRIPTION,
    config: VIEW_SOME,
    summary: 'Subscriptions to topics',
    list: (all: Administration, sees: Sight) =>
      all.subscriptions().filter(({ topic }) => sees(topic)),
  },
  {
    name: 'consumers',
    items: CONSUMER,
    config: onLive(VIEW_SOME),
    summary: 'Who consumes from what',
    list: (all: Administration, sees: Sight) =>
      all.consumers().filter(({ destination }) => sees(destination)),
  },
  {
    name: 'connections',
    items: CONNECTION,
    config: onLive(VIEW_EVERYTHING),
    summary: 'Clients',
    list: (all: Administration) => all.connections(),
  },
  {
    name: 'transactions',
    items: TRANSACTION,
    config: onLive(VIEW_EVERYTHING),
    summary: 'Open transactions with something to commit, the oldest first',
    list: (all: Administration) => all.transactions(),
  },
] as const;

export function addBrokerRoutes(
  server: FastifyInstance,
  administration: Administration,
  answerer: Answerer,
): void {
  for (const { name, items, config, summary, list } of LISTS) {
    const schema = { tags: [name], summary, response: { 200: listOf(name, items) } };
    server.get(`/api/v1/${name}`, { config, schema }, (request) => ({
      ...answerer(),
      [name]: list(administration, sightOf(request)),
    }));
  }
  addConnectionRoute(server, administration);
  addSubscriptionRoute(server, administration);
}

function addConnectionRoute(server: FastifyInstance, administration: Administration): void {
  const id = { type: 'integer', minimum: 1 };
  server.delete<{ Params: { id: number } }>(
    '/api/v1/connections/:id',
    {
      config: MANAGE_EVERYTHING,
      schema: {
        tags: ['connections'],
        summary: 'Closes a connection; what it has unacknowledged goes back to its queues',
        params: { type: 'object', required: ['id'], properties: { id } },
        response: { 204: { type: 'null', description: 'It is told, and closed.' } },
      },
    },
    (request, reply) => {
      const known = administration.connections().find((one) => one.id === request.params.id);
      request.audit = { connection: request.params.id, description: known?.description ?? null };
      administration.closeConnection(request.params.id, REASON);
      return reply.code(204).send();
    },
  );
}

function addSubscriptionRoute(server: FastifyInstance, administration: Administration): void {
  server.delete<{ Querystring: { clientId: string; name: string } }>(
    '/api/v1/subscriptions',
    {
      config: MANAGE_SOME,
      schema: {
        tags: ['subscriptions'],
        summary: 'Deletes a durable subscription that nobody uses, with all it holds',
        querystring: {
          type: 'object',
          required: ['name'],
          additionalProperties: false,
          properties: {
            clientId: { type: 'string', default: '' },
            name: { type: 'string', minLength: 1 },
          },
        },
        response: { 204: { type: 'null', description: 'It is gone.' } },
      },
    },
    async (request, reply) => {
      const { clientId, name } = request.query;
      request.audit = { clientId, subscription: name };
      const topic = administration.topicOf(clientId, name);
      const { user } = request;
      if (user !== null && topic !== null && !user.may('manage', topic)) {
        throw accessDenied(user.name, 'manage', `topic "${topic}"`);
      }
      await administration.deleteSubscription(clientId, name);
      return reply.code(204).send();
    },
  );
}
