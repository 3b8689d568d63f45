/** Spans of real nodes into which a real OpenTelemetry SDK was loaded. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import rhea from 'rhea';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const SDK = new URL('../support/tracing-sdk.js', import.meta.url).href;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SENDER = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${SENDER}-01`;
const KIND = { internal: 0, producer: 3, consumer: 4 } as const;

interface SpanLine {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly parent: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

class Spans {
  readonly settings: Readonly<Record<string, string>>;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    this.settings = { SPANS_FILE: file, NODE_OPTIONS: `--import ${SDK}` };
  }

  static async make(t: TestContext): Promise<Spans> {
    const directory = await temporaryDirectoryOf(t);
    const file = join(directory, 'spans');
    await writeFile(file, '');
    return new Spans(file);
  }

  async all(): Promise<SpanLine[]> {
    const lines = (await readFile(this.#file, 'utf8')).split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  async named(name: string): Promise<SpanLine> {
    return eventually(`there is a span "${name}"`, async () =>
      (await this.all()).find((span) => span.name === name),
    );
  }
}

test('a traced STOMP message has a span until it is confirmed, and one when it is delivered', async (t) => {
  const spans = await Spans.make(t);
  const store = await TestStore.make(t, spans.settings);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  const destination = '/queue/traced';
  await client.send({ destination, body: 'untraced' });
  const notSampled = { traceparent: `00-${TRACE}-${SENDER}-00` };
  await client.send({ destination, body: 'not sampled', headers: notSampled });
  await client.send({ destination, body: 'traced', headers: { traceparent: SAMPLED } });
  const inbox = await Inbox.open(client, destination, 'client-individual');
  await inbox.atLeast(3);
  const deliver = await spans.named('deliver traced');
  const send = await spans.named('send traced');
  for (const span of [send, deliver]) {
    assert.deepEqual([span.traceId, span.parent], [TRACE, SENDER]);
    assert.equal(span.attributes['messaging.destination.name'], 'traced');
    assert.equal(span.attributes['messaging.message.body.size'], 6);
  }
  assert.deepEqual([send.kind, deliver.kind], [KIND.consumer, KIND.producer]);
  const ofMessages = (await spans.all()).filter(({ kind }) => kind !== KIND.internal);
  assert.equal(ofMessages.length, 2, 'others are not traced');
});

test('a traced AMQP message says so in its application properties', async (t) => {
  const spans = await Spans.make(t);
  const store = await TestStore.make(t, { ...spans.settings, HOLDFAST_AMQP_LISTEN: '127.0.0.1:0' });
  const live = await store.startLive('a');
  const [host = '', port = ''] = live.addressOf('amqp').split(':');
  const connection = rhea
    .create_container()
    .connect({ host, port: Number(port), reconnect: false });
  atEnd(t, () => connection.close());
  const sender = connection.open_sender('orders');
  sender.once('sendable', () =>
    sender.send({ body: 'one', application_properties: { traceparent: SAMPLED } }),
  );
  connection.open_receiver('orders');
  const send = await spans.named('send orders');
  assert.deepEqual([send.traceId, send.parent], [TRACE, SENDER]);
  await spans.named('deliver orders');
});

test('takeovers and handovers are spans', async (t) => {
  const spans = await Spans.make(t);
  const store = await TestStore.make(t, spans.settings);
  await store.startPair();
  const first = await spans.named('takeover');
  assert.deepEqual(
    [
      first.kind,
      first.parent,
      first.attributes['holdfast.node'],
      first.attributes['holdfast.epoch'],
    ],
    [KIND.internal, null, 'a', 0],
  );
  await store.requestHandover('b');
  const handover = await spans.named('handover');
  assert.deepEqual(
    [handover.attributes['holdfast.node'], handover.attributes['holdfast.epoch']],
    ['a', 1],
  );
});
