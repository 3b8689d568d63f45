/** Topics, subscriptions, consumers, connections and open transactions. */

import type { FastifyInstance } from 'fastify';
import type { Administration } from '../node/administration.js';
import type { Answerer } from './answerer.js';
import { MANAGE, VIEW, VIEW_LIVE } from './routes.js';
import { CONNECTION, CONSUMER, listOf, SUBSCRIPTION, TOPIC, TRANSACTION } from './schemas.js';

const LISTS = [
  { name: 'topics', items: TOPIC, config: VIEW, summary: 'Topics with their subscriptions' },
  { name: 'subscriptions', items: SUBSCRIPTION, config: VIEW, summary: 'Subscriptions to topics' },
  { name: 'consumers', items: CONSUMER, config: VIEW_LIVE, summary: 'Who consumes from what' },
  { name: 'connections', items: CONNECTION, config: VIEW_LIVE, summary: 'Clients' },
  {
    name: 'transactions',
    items: TRANSACTION,
    config: VIEW_LIVE,
    summary: 'Open transactions with something to commit, the oldest first',
  },
] as const;

const REASON = 'An operator closed this connection.';

export function addBrokerRoutes(
  server: FastifyInstance,
  administration: Administration,
  answerer: Answerer,
): void {
  for (const { name, items, config, summary } of LISTS) {
    const response = { 200: listOf(name, items) };
    server.get(`/api/v1/${name}`, { config, schema: { tags: [name], summary, response } }, () => ({
      ...answerer(),
      [name]: administration[name](),
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
      config: MANAGE,
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
      config: MANAGE,
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
      await administration.deleteSubscription(clientId, name);
      return reply.code(204).send();
    },
  );
}
