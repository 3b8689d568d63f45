/** What changes, as server-sent events: the role of this node, and figures of queues once a second. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { QueueFacts } from '../broker/facts.js';
import type { Administration } from '../node/administration.js';
import type { NodeReport } from '../node/node-report.js';
import { HoldfastError } from '../platform/errors.js';
import type { KnownUser } from '../security/security.js';
import { seesAll, sightOf } from './authorization.js';
import { VIEW_SOME } from './routes.js';
import { setSecurityHeaders } from './security-headers.js';

const LOOK_INTERVAL_MS = 1_000;
/** So that proxies do not take a quiet stream for a dead one. */
const QUIET_LOOKS = 15;
const MOST_LISTENERS = 100;
/** Who does not read is let go, and connects again. */
const MOST_UNREAD_BYTES = 1024 * 1024;

interface Listener {
  readonly response: FastifyReply['raw'];
  readonly user: KnownUser | null;
  /** Null for one who may see every queue. */
  readonly sees: ((queue: string) => boolean) | null;
}

interface Seen {
  readonly node: string;
  readonly queues: ReadonlyMap<string, string>;
}

export function addEventRoutes(
  server: FastifyInstance,
  administration: Administration,
  report: () => NodeReport,
): void {
  const listeners = new Set<Listener>();
  let seen: Seen | null = null;
  let quiet = 0;
  let timer: NodeJS.Timeout | null = null;

  const look = (): void => {
    const now = lookAt(administration, report);
    const before = seen;
    const text = changes(before, now);
    seen = now.seen;
    quiet = text === '' ? quiet + 1 : 0;
    const isTooQuiet = text === '' && quiet % QUIET_LOOKS === 0;
    for (const listener of listeners) {
      const { sees } = listener;
      if (isTooQuiet) tell(listener, ': nothing has changed\n\n');
      else tell(listener, sees === null ? text : changes(before, now, sees));
    }
  };
  const leave = (listener: Listener): void => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
    seen = null;
  };

  server.get(
    '/api/v1/events',
    {
      config: VIEW_SOME,
      exposeHeadRoute: false,
      schema: {
        tags: ['cluster'],
        summary: 'What changes, as server-sent events named `node` and `queues`',
        response: {
          200: {
            type: 'string',
            contentType: 'text/event-stream',
            description:
              '`node`: its role, epoch, who is live and the number of connections. `queues`: those that changed, and the names of those that are gone (`removed`). All of it first.',
          },
        },
      },
    },
    (request, reply) => {
      if (listeners.size >= MOST_LISTENERS) {
        throw new HoldfastError('LIMIT_EXCEEDED', `${MOST_LISTENERS} listen already.`);
      }
      setSecurityHeaders(request, reply);
      reply.headers({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
      reply.hijack();
      const { raw } = reply;
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) raw.setHeader(name, value);
      }
      raw.writeHead(200);
      const listener = listenerOf(request, raw);
      raw.write(changes(null, lookAt(administration, report), listener.sees));
      listeners.add(listener);
      raw.once('close', () => leave(listener));
      timer ??= setInterval(look, LOOK_INTERVAL_MS);
    },
  );
  server.addHook('onClose', async () => {
    for (const { response } of listeners) response.destroy();
    if (timer !== null) clearInterval(timer);
  });
}

function listenerOf(request: FastifyRequest, response: FastifyReply['raw']): Listener {
  return { response, user: request.user, sees: seesAll(request) ? null : sightOf(request) };
}

interface Moment {
  readonly seen: Seen;
  readonly queues: readonly QueueFacts[];
}

function lookAt(administration: Administration, report: () => NodeReport): Moment {
  const { node, role, epoch, confirms, connections, live } = report();
  const facts = { node, role, epoch, confirms, connections, live: live?.node ?? null };
  const queues = administration.queues();
  const byName = queues.map((queue) => [queue.name, JSON.stringify(queue)] as const);
  return { seen: { node: JSON.stringify(facts), queues: new Map(byName) }, queues };
}

function changes(
  before: Seen | null,
  { seen, queues }: Moment,
  sees: Listener['sees'] = null,
): string {
  let text = '';
  if (before?.node !== seen.node) text += `event: node\ndata: ${seen.node}\n\n`;
  const isShown = (name: string): boolean => sees === null || sees(name);
  const changed = queues.filter(
    ({ name }) => before?.queues.get(name) !== seen.queues.get(name) && isShown(name),
  );
  const removed = [...(before?.queues.keys() ?? [])].filter(
    (name) => !seen.queues.has(name) && isShown(name),
  );
  if (before === null || changed.length > 0 || removed.length > 0) {
    text += `event: queues\ndata: ${JSON.stringify({ changed, removed })}\n\n`;
  }
  return text;
}

function tell({ response, user }: Listener, text: string): void {
  // Who was changed or removed logs in again, as clients of the other protocols do.
  const isUnwanted = user !== null && !user.isCurrent();
  if (isUnwanted || response.writableLength > MOST_UNREAD_BYTES) response.destroy();
  else if (text !== '') response.write(text);
}
