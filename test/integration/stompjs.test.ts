/** A STOMP client that others wrote, through a kill of the live node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '@stomp/stompjs';
import type { HostPort } from '../../src/platform/ports.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import { TcpStompSocket } from '../support/stomp-socket.js';
import { TestStore } from '../support/test-store.js';

const QUEUE = '/queue/interop';

test('@stomp/stompjs sends and receives, and goes on after kill -9 of the live node', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const servers = [live.address, backup.address];
  let attempts = 0;
  const received: string[] = [];
  const confirmed = new Set<string>();
  const errors: string[] = [];
  const client = new Client({
    webSocketFactory: () => {
      attempts += 1;
      return new TcpStompSocket(servers[attempts % servers.length] as HostPort);
    },
    reconnectDelay: 50,
    heartbeatIncoming: 1_000,
    heartbeatOutgoing: 1_000,
    onConnect: () => {
      client.subscribe(
        QUEUE,
        (message) => {
          received.push(message.body);
          message.ack();
        },
        { ack: 'client-individual' },
      );
    },
    onStompError: (frame) => errors.push(frame.headers.message ?? frame.body),
  });
  atEnd(t, () => client.deactivate({ force: true }));
  client.activate();
  const send = async (body: string): Promise<void> => {
    await eventually('the client is connected', () => client.connected);
    client.watchForReceipt(body, () => confirmed.add(body));
    client.publish({ destination: QUEUE, body, headers: { receipt: body } });
    await eventually(`${body} is confirmed`, () => confirmed.has(body));
  };

  for (let number = 1; number <= 20; number += 1) await send(`before ${number}`);
  await live.kill();
  await backup.untilRole('live');
  await eventually('the client has noticed', () => attempts > 1);
  for (let number = 1; number <= 20; number += 1) await send(`after ${number}`);

  await eventually('everything comes', () => new Set(received).size === 40);
  assert.deepEqual(new Set(received), confirmed);
  assert.deepEqual(errors, []);
});

test('@stomp/stompjs carries binary bodies, headers to be escaped and transactions', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = new Client({
    webSocketFactory: () => new TcpStompSocket(live.address),
    reconnectDelay: 0,
  });
  atEnd(t, () => client.deactivate({ force: true }));
  client.activate();
  await eventually('the client is connected', () => client.connected);
  const bodies: Uint8Array[] = [];
  const values: (string | undefined)[] = [];
  client.subscribe(QUEUE, (message) => {
    bodies.push(message.binaryBody);
    values.push(message.headers.note);
  });
  const binaryBody = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const note = 'colon: line\nfeed \\ back';
  const aborted = client.begin();
  client.publish({ destination: QUEUE, body: 'x', headers: { transaction: aborted.id } });
  aborted.abort();
  const committed = client.begin();
  const headers = { transaction: committed.id, note };
  client.publish({ destination: QUEUE, binaryBody, headers });
  committed.commit();
  await eventually('the committed message comes', () => bodies.length > 0);
  assert.deepEqual(
    bodies.map((body) => [...body]),
    [[...binaryBody]],
  );
  assert.deepEqual(values, [note]);
});
