import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BrokerSession, DeliveryView, SessionEvents } from '../../../src/broker/api.js';
import type { Tracer } from '../../../src/platform/tracing.js';
import { TracedBroker } from '../../../src/tracing/traced-broker.js';

const SAMPLED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('the span of a delivery ends, as failed, when its client cannot take the message', () => {
  const ends: string[] = [];
  const tracer: Tracer = {
    start: ({ name }) => ({
      end: () => ends.push(`${name} ended`),
      fail: (sentence) => ends.push(`${name} failed: ${sentence}`),
    }),
  };
  let seen: SessionEvents | null = null;
  const inner = {
    hasQueue: () => false,
    openSession: (events: SessionEvents): BrokerSession => {
      seen = events;
      return {} as BrokerSession;
    },
  };
  const broker = new TracedBroker(inner, { tracer, propertiesOf: () => () => SAMPLED });
  let trouble: Error | null = new Error('no such encoding');
  const client = {
    deliver: () => {
      if (trouble !== null) throw trouble;
    },
  };
  broker.openSession(client as unknown as SessionEvents, 'a client');
  const deliver = (): void => {
    const destination = { kind: 'queue', name: 'orders' };
    const message = { destination, bytes: new Uint8Array(0) } as unknown as DeliveryView;
    seen?.deliver(1 as never, message);
  };
  assert.throws(deliver, trouble);
  trouble = null;
  deliver();
  assert.deepEqual(ends, ['deliver orders failed: no such encoding', 'deliver orders ended']);
});
