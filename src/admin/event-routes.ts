/** What changes, as server-sent events: the role of this node, and figures of queues once a second. */

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { QueueFacts } from '../broker/facts.js';
import type { Administration } from '../node/administration.js';
import type { NodeReport } from '../node/node-report.js';
import { HoldfastError } from '../platform/errors.js';
import { VIEW } from './routes.js';

const LOOK_INTERVAL_MS = 1_000;
/** So that proxies do not take a quiet stream for a dead one. */
const QUIET_LOOKS = 15;
const MOST_LISTENERS = 100;
/** Who does not read is let go, and connects again. */
const MOST_UNREAD_BYTES = 1024 * 1024;

type ServerResponse = FastifyReply['raw'];

interface Seen {
  readonly node: string;
  readonly queues: ReadonlyMap<string, string>;
}

export function addEventRoutes(
  server: FastifyInstance,
  administration: Administration,
  report: () => NodeReport,
): void {
  const listeners = new Set<ServerResponse>();
  let seen: Seen | null = null;
  let quiet = 0;
  let timer: NodeJS.Timeout | null = null;

  const look = (): void => {
    const now = lookAt(administration, report);
    const text = changes(seen, now);
    seen = now.seen;
    quiet = text === '' ? quiet + 1 : 0;
    if (text !== '') tell(listeners, text);
    else if (quiet % QUIET_LOOKS === 0) tell(listeners, ': nothing has changed\n\n');
  };
  const leave = (listener: ServerResponse): void => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
    seen = null;
  };

  server.get(
    '/api/v1/events',
    {
      config: VIEW,
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
    (_, reply) => {
      if (listeners.size >= MOST_LISTENERS) {
        throw new HoldfastError('LIMIT_EXCEEDED', `${MOST_LISTENERS} listen already.`);
      }
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      raw.write(changes(null, lookAt(administration, report)));
      listeners.add(raw);
      raw.once('close', () => leave(raw));
      timer ??= setInterval(look, LOOK_INTERVAL_MS);
    },
  );
  server.addHook('onClose', async () => {
    for (const listener of listeners) listener.destroy();
    if (timer !== null) clearInterval(timer);
  });
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

function changes(before: Seen | null, { seen, queues }: Moment): string {
  let text = '';
  if (before?.node !== seen.node) text += `event: node\ndata: ${seen.node}\n\n`;
  const changed = queues.filter(({ name }) => before?.queues.get(name) !== seen.queues.get(name));
  const removed = [...(before?.queues.keys() ?? [])].filter((name) => !seen.queues.has(name));
  if (before === null || changed.length > 0 || removed.length > 0) {
    text += `event: queues\ndata: ${JSON.stringify({ changed, removed })}\n\n`;
  }
  return text;
}

function tell(listeners: ReadonlySet<ServerResponse>, text: string): void {
  for (const listener of listeners) {
    if (listener.writableLength > MOST_UNREAD_BYTES) listener.destroy();
    else listener.write(text);
  }
}
