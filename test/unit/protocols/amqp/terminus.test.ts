/** What links ask of their sources and targets: filters, copies, temporary destinations, subscriptions, addresses in messages. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError } from '../../../../src/platform/errors.js';
import { CONDITION } from '../../../../src/protocols/amqp/amqp-error.js';
import { readFields } from '../../../../src/protocols/amqp/composite.js';
import { encodedState } from '../../../../src/protocols/amqp/encoded-state.js';
import { PROTOCOL_ID } from '../../../../src/protocols/amqp/frame-decoder.js';
import {
  ACCEPTED,
  ACCEPTED_STATE,
  ATTACH,
  DETACH,
  DISPOSITION,
  OPEN,
  REJECTED,
  ROLE,
  SENDER_SETTLES,
  SOURCE,
  TARGET,
} from '../../../../src/protocols/amqp/performatives.js';
import { type DescribedValue, ValueReader } from '../../../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';
import { errorOf as error, type SentFrame } from '../../../support/amqp-frames.js';
import { Rig } from '../../broker/broker-rig.js';
import {
  AMQP_CONFIG,
  attachReceiver,
  begun,
  grant,
  Peer,
  stateOf,
  textMessage,
  transfer,
} from './peer.js';

function described(name: string, descriptor: string | number, write: (to: ValueWriter) => void) {
  const writer = new ValueWriter();
  const start = writer.beginMap();
  writer.symbol(name);
  if (typeof descriptor === 'number') {
    writer.raw(Uint8Array.of(0x00, 0x80));
    const code = new Uint8Array(8);
    new DataView(code.buffer).setBigUint64(0, BigInt(descriptor));
    writer.raw(code);
  } else {
    writer.raw(Uint8Array.of(0x00));
    writer.symbol(descriptor);
  }
  write(writer);
  writer.endCompound(start, 2);
  return writer.written.slice();
}

const selector = (
  text: string,
  descriptor: string | number = 'apache.org:selector-filter:string',
) => described('jms-selector', descriptor, (to) => to.string(text));

const NO_LOCAL = described('no-local', 'apache.org:no-local-filter:list', (to) =>
  to.endCompound(to.beginList(), 0),
);

function terminus(frame: SentFrame | undefined, type: typeof SOURCE | typeof TARGET) {
  const raw = frame?.fields[type === SOURCE ? 'source' : 'target'] as Uint8Array;
  const reader = new ValueReader(raw);
  reader.descriptor();
  return readFields(reader, type as typeof SOURCE);
}

describe('filters of a source', () => {
  for (const descriptor of ['apache.org:selector-filter:string', 0x468c00000004]) {
    it(`has a selector by ${descriptor}, and is told that it is in place`, () => {
      const peer = begun();
      const filter = selector("color = 'red'", descriptor);
      attachReceiver(peer, 0, { address: 'q', filter });
      assert.deepEqual(
        Buffer.from(terminus(peer.answers()[0], SOURCE).filter ?? []),
        Buffer.from(filter),
      );
      assert.match(peer.broker.takeCalls()[0] ?? '', /^subscribe queue q .* where color = 'red'$/);
    });
  }

  it('has noLocal on a topic', () => {
    const peer = begun();
    attachReceiver(peer, 0, { address: 'topic://news', filter: NO_LOCAL });
    assert.match(peer.broker.takeCalls()[0] ?? '', /^subscribe topic news .* noLocal$/);
  });

  it('with a blank selector wants everything', () => {
    const peer = begun();
    attachReceiver(peer, 0, { address: 'q', filter: selector('  ') });
    assert.doesNotMatch(peer.broker.takeCalls()[0] ?? '', /where/);
  });

  for (const [what, filter, condition, text] of [
    ['a selector that cannot be read', selector('color ='), CONDITION.invalidField, /selector/i],
    [
      'an unknown filter',
      selector('x', 'example:filter'),
      CONDITION.notImplemented,
      /example:filter/,
    ],
  ] as const) {
    it(`refuses ${what}, and nothing else`, () => {
      const peer = begun();
      attachReceiver(peer, 0, { address: 'q', filter });
      const [attach, detach] = peer.answers();
      assert.equal(attach?.fields.source, null);
      assert.equal(error(detach)?.condition, condition);
      assert.match(error(detach)?.description ?? '', text);
      attachReceiver(peer, 1, { address: 'other' });
      assert.deepEqual(peer.answerNames(), ['attach']);
    });
  }
});

describe('a source with distribution-mode copy', () => {
  it('browses a queue, settled whatever was asked for', () => {
    const peer = begun();
    attachReceiver(peer, 0, { address: 'q', distributionMode: 'copy' });
    const [attach] = peer.answers();
    assert.equal(attach?.fields.sndSettleMode, SENDER_SETTLES.settled);
    assert.equal(terminus(attach, SOURCE).distributionMode, 'copy');
    assert.match(peer.broker.takeCalls()[0] ?? '', /^subscribe queue q ack 0 .* browses$/);
  });

  it('is a subscription like any other on a topic', () => {
    const peer = begun();
    attachReceiver(peer, 0, { address: 'topic://news', distributionMode: 'copy' });
    assert.doesNotMatch(peer.broker.takeCalls()[0] ?? '', /browses/);
  });
});

describe('dynamic nodes', () => {
  function attachDynamicSender(peer: Peer, capability: string): void {
    peer.send(0, ATTACH, {
      name: 'temporary',
      handle: 0,
      role: ROLE.sender,
      source: encodedState(SOURCE, {}),
      target: encodedState(TARGET, { dynamic: true, capabilities: [capability] }),
      initialDeliveryCount: 0,
    });
  }

  for (const [capability, kind] of [
    ['temporary-queue', 'queue'],
    ['temporary-topic', 'topic'],
  ] as const) {
    it(`makes a ${kind} for a target that is a ${capability}, until it is detached`, () => {
      const peer = begun();
      attachDynamicSender(peer, capability);
      const target = terminus(peer.answers()[0], TARGET);
      const name = `temporary:${kind}:c0ffee:1`;
      assert.equal(target.address, name);
      assert.deepEqual(target.capabilities, [kind]);
      assert.deepEqual(peer.broker.takeCalls(), [`create ${kind} ${name}`]);
      attachReceiver(peer, 1, { address: name });
      assert.match(peer.broker.takeCalls()[0] ?? '', new RegExp(`^subscribe ${kind} ${name} `));
      peer.send(0, DETACH, { handle: 0, closed: true });
      assert.deepEqual(peer.broker.takeCalls(), [`remove ${kind} ${name}`]);
    });
  }

  it('makes a queue for a source, and receives from it', () => {
    const peer = begun();
    attachReceiver(peer, 0, { dynamic: true });
    assert.equal(terminus(peer.answers()[0], SOURCE).address, 'temporary:queue:c0ffee:1');
    peer.send(0, DETACH, { handle: 0, closed: true });
    const calls = peer.broker.takeCalls();
    assert.equal(calls[0], 'create queue temporary:queue:c0ffee:1');
    assert.deepEqual(calls.slice(-2), ['unsubscribe 0', 'remove queue temporary:queue:c0ffee:1']);
  });
});

describe('shared subscriptions', () => {
  it('are those of the client by what stands before the delimiter', () => {
    const peer = begun();
    const source = { address: 'topic://jobs', capabilities: ['topic', 'shared'] };
    attachReceiver(peer, 0, source, { name: 'workers|volatile1' });
    attachReceiver(peer, 1, source, { name: 'workers|volatile2' });
    const calls = peer.broker.takeCalls();
    assert.equal(calls.filter((call) => / shared me\/workers$/.test(call)).length, 2);
  });

  it("are everybody's when they are global", () => {
    const peer = begun();
    const capabilities = ['topic', 'shared', 'global'];
    attachReceiver(
      peer,
      0,
      { address: 'topic://jobs', capabilities },
      { name: 'w|global-volatile1' },
    );
    attachReceiver(
      peer,
      1,
      { address: 'topic://jobs', capabilities, durable: 2, expiryPolicy: 'never' },
      { name: 'd|global' },
    );
    const calls = peer.broker.takeCalls();
    assert.match(calls[0] ?? '', / shared \/w$/);
    assert.match(calls.at(-1) ?? '', / durable \/d shared replacing \(confirm\)$/);
  });

  it('that are durable stay when a link is closed, and go when they are unsubscribed', () => {
    const peer = begun();
    const capabilities = ['topic', 'shared', 'global'];
    const source = { address: 'topic://jobs', capabilities, durable: 2 };
    attachReceiver(peer, 0, source, { name: 'd|global' });
    peer.broker.confirmAll();
    peer.send(0, DETACH, { handle: 0, closed: true });
    assert.ok(!peer.broker.takeCalls().some((call) => call.startsWith('remove')));
    peer.broker.durable.set('/d', { kind: 'topic', name: 'jobs' });
    peer.send(0, ATTACH, {
      name: 'd|global',
      handle: 1,
      role: ROLE.receiver,
      target: encodedState(TARGET, {}),
    });
    peer.send(0, DETACH, { handle: 1, closed: true });
    assert.deepEqual(peer.broker.takeCalls(), ['remove /d (confirm)']);
  });
});

describe('a link without an address', () => {
  function properties(to: string | null): Uint8Array {
    const writer = new ValueWriter();
    writer.describedBy(0x73);
    const start = writer.beginList();
    writer.null();
    writer.null();
    if (to === null) writer.null();
    else writer.string(to);
    writer.endCompound(start, 3);
    return writer.written.slice();
  }

  function kindOf(code: number): Uint8Array {
    const writer = new ValueWriter();
    writer.describedBy(0x72);
    const start = writer.beginMap();
    writer.symbol('x-opt-jms-dest');
    writer.raw(Uint8Array.of(0x51, code));
    writer.endCompound(start, 2);
    return writer.written.slice();
  }

  function anonymous(): Peer {
    const peer = begun();
    peer.send(0, ATTACH, {
      name: 'anonymous',
      handle: 0,
      role: ROLE.sender,
      source: encodedState(SOURCE, {}),
      target: encodedState(TARGET, {}),
      initialDeliveryCount: 0,
    });
    peer.answers();
    return peer;
  }

  it('sends each message where its property to says', () => {
    const peer = anonymous();
    const send = (id: number, ...parts: readonly Uint8Array[]) =>
      transfer(peer, id, Buffer.concat([...parts, textMessage('x')]));
    send(0, properties('one'));
    send(1, properties('topic://two'));
    send(2, kindOf(1), properties('three'));
    send(3, kindOf(0), properties('three'));
    send(4, properties('temporary:topic:abc:1'));
    assert.deepEqual(
      peer.broker.sent.map(({ destination: { kind, name } }) => `${kind} ${name}`),
      ['queue one', 'topic two', 'topic three', 'queue three', 'topic temporary:topic:abc:1'],
    );
  });

  it('rejects the messages that say nothing possible, and takes the others', () => {
    const peer = anonymous();
    transfer(peer, 0, textMessage('no properties'));
    transfer(peer, 1, Buffer.concat([properties(null), textMessage('no to')]));
    transfer(peer, 2, Buffer.concat([properties('a,b'), textMessage('no name')]));
    peer.broker.refuses.set('send', new HoldfastError('DESTINATION_GONE', 'it is gone'));
    transfer(peer, 3, Buffer.concat([properties('temporary:queue:x'), textMessage('gone')]));
    peer.broker.refuses.delete('send');
    transfer(peer, 4, Buffer.concat([properties('q'), textMessage('good')]));
    peer.broker.confirmAll();
    const answers = peer.answers().filter(({ name }) => name === 'disposition');
    assert.deepEqual(
      answers.map((each) => stateOf(each)),
      [...Array.from({ length: 4 }, () => REJECTED.code), ACCEPTED.code],
    );
    const conditions = answers.slice(0, 4).map(({ fields }) => {
      const reader = new ValueReader(fields.state as Uint8Array);
      reader.descriptor();
      return readFields(reader, REJECTED).error?.condition;
    });
    assert.deepEqual(conditions, [
      CONDITION.preconditionFailed,
      CONDITION.preconditionFailed,
      CONDITION.invalidField,
      CONDITION.notFound,
    ]);
  });
});

describe('an open', () => {
  it('offers what JMS clients look for', () => {
    const peer = new Peer();
    peer.protocol(PROTOCOL_ID.amqp);
    peer.send(0, OPEN, { containerId: 'client' });
    const [open] = peer.answers();
    assert.deepEqual(open?.fields.offeredCapabilities, [
      'ANONYMOUS-RELAY',
      'DELAYED_DELIVERY',
      'SHARED-SUBS',
      'sole-connection-for-container',
    ]);
    assert.deepEqual(peer.broker.identity, { clientId: 'client', isExclusive: false });
  });

  it('tells of the other nodes when it shall', () => {
    const properties = (announceNodes: boolean): unknown => {
      const peer = new Peer({
        config: { ...AMQP_CONFIG, announceNodes },
        otherNodes: () => [{ host: 'b.example', port: 5673 }],
      });
      peer.protocol(PROTOCOL_ID.amqp);
      peer.send(0, OPEN, { containerId: 'client' });
      // The tables pass over what peers say of themselves, so the frame is read here.
      const reader = new ValueReader(peer.openFrame());
      return (reader.value() as DescribedValue).value;
    };
    const list = [
      new Map<string, unknown>([
        ['hostname', 'b.example'],
        ['network-host', 'b.example'],
        ['port', 5673],
        ['scheme', 'amqp'],
      ]),
    ];
    const told = (properties(true) as unknown[]).at(-1) as ReadonlyMap<string, unknown>;
    assert.deepEqual(told.get('failover-server-list'), list);
    const silent = (properties(false) as unknown[]).at(-1) as ReadonlyMap<string, unknown>;
    assert.equal(silent.has('failover-server-list'), false);
  });

  it('that wants its container id for itself is refused as clients understand it', () => {
    const peer = new Peer();
    peer.broker.refuses.set('open', new HoldfastError('CLIENT_ID_IN_USE', 'in use by another'));
    peer.protocol(PROTOCOL_ID.amqp);
    peer.send(0, OPEN, {
      containerId: 'client',
      desiredCapabilities: ['sole-connection-for-container'],
    });
    const [open, close] = peer.answers();
    assert.deepEqual([open?.name, close?.name], ['open', 'close']);
    assert.equal(error(close)?.condition, CONDITION.invalidField);
  });
});

describe('a connection to a backup that redirects', () => {
  it('is told where the live node is, and closed', () => {
    const peer = new Peer({ redirectTo: { host: 'b.example', port: 5673 } });
    peer.protocol(PROTOCOL_ID.amqp);
    peer.send(0, OPEN, { containerId: 'client' });
    const [open, close] = peer.answers();
    assert.deepEqual([open?.name, close?.name], ['open', 'close']);
    // What clients read of it, host and port, is shown with one of them in test/interop/qpid-jms.test.ts.
    assert.equal(error(close)?.condition, CONDITION.connectionRedirect);
    assert.match(error(close)?.description ?? '', /b\.example:5673/);
    assert.deepEqual(peer.broker.takeCalls(), []);
  });
});

describe('prefixes of addresses', () => {
  const subscribed = (address: string): string | undefined => {
    const topicPrefixes = 'jms.topic., topic://';
    const peer = begun({ config: { ...AMQP_CONFIG, queuePrefixes: 'jms.', topicPrefixes } });
    attachReceiver(peer, 0, { address });
    return peer.broker.takeCalls()[0]?.split(' ').slice(1, 3).join(' ');
  };
  it('are those that are configured, the longest first', () => {
    assert.equal(subscribed('jms.orders'), 'queue orders');
    assert.equal(subscribed('jms.topic.news'), 'topic news');
    assert.equal(subscribed('topic://news'), 'topic news');
    assert.equal(subscribed('/queue/orders'), 'queue /queue/orders');
  });
});

describe('with a real broker', () => {
  const settle = (rig: Rig, peer: Peer): void => {
    rig.settle();
    peer.clock.endTurn();
    rig.settle();
  };

  it('a dynamic source that is refused leaves nothing behind', () => {
    const rig = new Rig({ limits: { maxSubscriptionsPerSession: 1, maxQueues: 3 } });
    const peer = begun({ broker: rig.broker });
    attachReceiver(peer, 0, { address: 'q' });
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      attachReceiver(peer, 1, { dynamic: true, capabilities: ['temporary-topic'] });
      peer.send(0, DETACH, { handle: 1, closed: true });
    }
    const conditions = peer.answers().flatMap((frame) => error(frame)?.condition ?? []);
    assert.deepEqual(new Set(conditions), new Set([CONDITION.resourceLimitExceeded]));
    rig.connect().send('/queue/other', 'there is room for another queue');
  });

  it('another link on a temporary queue that goes is detached, and its session stays', () => {
    const rig = new Rig();
    const peer = begun({ broker: rig.broker });
    attachReceiver(peer, 0, { dynamic: true });
    const address = 'temporary:queue:c0ffee:1';
    attachReceiver(peer, 1, { address });
    grant(peer, 1, 10);
    rig.connect().send(`/queue/${address}`, 'x');
    settle(rig, peer);
    assert.equal(peer.answerNames().at(-1), 'transfer');
    peer.send(0, DETACH, { handle: 0, closed: true });
    settle(rig, peer);
    const detached = peer.answers().filter(({ name }) => name === 'detach');
    assert.deepEqual(
      detached.map((frame) => [frame.fields.handle, error(frame)?.condition]),
      [
        [1, CONDITION.resourceDeleted],
        [0, undefined],
      ],
    );
    const role = ROLE.receiver;
    peer.send(0, DISPOSITION, { role, first: 0, settled: true, state: ACCEPTED_STATE });
    attachReceiver(peer, 2, { address: 'q' });
    assert.deepEqual(peer.answerNames(), ['attach']);
  });
});
