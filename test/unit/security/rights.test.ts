import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BrokerSession, Destination, IncomingMessage } from '../../../src/broker/api.js';
import { ACKNOWLEDGEMENT } from '../../../src/broker/api.js';
import { covers } from '../../../src/broker/topic-patterns.js';
import { AuthorizedSession } from '../../../src/security/authorized-session.js';
import type { Right, Rule } from '../../../src/security/rights.js';
import { ScriptedBroker } from '../protocols/shared/scripted-broker.js';

const queue = (name: string): Destination => ({ kind: 'queue', name });
const topic = (name: string): Destination => ({ kind: 'topic', name });

class Scene {
  readonly broker = new ScriptedBroker();
  readonly queues = new Set<string>();
  readonly session: BrokerSession;

  constructor(...rules: Rule[]) {
    const hasQueue = (name: string) => this.queues.has(name);
    this.session = new AuthorizedSession(this.broker, { user: 'bob', rules, hasQueue });
  }

  send(destination: Destination): void {
    const message = { destination, headers: new Uint8Array(0), body: new Uint8Array(0) };
    this.session.send(message as unknown as IncomingMessage, null, null);
  }

  subscribe(destination: Destination, more: object = {}): void {
    const acknowledgement = ACKNOWLEDGEMENT.auto;
    const options = { destination, acknowledgement, prefetch: 0, durable: null, context: null };
    this.session.subscribe({ ...options, ...more }, null);
  }
}

function rule(address: string, ...allow: Right[]): Rule {
  return { address, allow };
}

function denied(right: Right, { kind, name }: Destination) {
  return {
    code: 'ACCESS_DENIED',
    message: new RegExp(`^User bob has no right to ${right} on ${kind} "${name}"`),
  };
}

describe('a pattern', () => {
  for (const [pattern, name, expected] of [
    ['a.b', 'a.b', true],
    ['a.b', 'a.c', false],
    ['a', 'a.b', false],
    ['a.b', 'a', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.*', 'a.b.c', false],
    ['a.*', 'a.*', true],
    ['a.*', 'a.>', false],
    ['a.b', 'a.*', false],
    ['a.>', 'a', true],
    ['a.>', 'a.b.c', true],
    ['a.>', 'a.*.#', true],
    ['a.>', 'b', false],
    ['a.>', '>', false],
    ['>', '>', true],
    ['#', 'a.b', true],
    ['DLQ.a.>', 'DLQ.a.b', true],
    ['a.>', 'DLQ.a.b', false],
  ] as const) {
    it(`${pattern} covers ${name}: ${expected}`, () =>
      assert.equal(covers(pattern, name), expected));
  }
});

describe('a user', () => {
  it('sends where a rule says so, and nowhere else', () => {
    const scene = new Scene(rule('a.>', 'send', 'create'));
    scene.send(queue('a.b'));
    scene.send(topic('a.b'));
    assert.throws(() => scene.send(queue('b')), denied('send', queue('b')));
    assert.throws(() => scene.session.requireSend(queue('b')), denied('send', queue('b')));
    assert.throws(() => scene.subscribe(queue('a.b')), denied('consume', queue('a.b')));
    assert.equal(scene.broker.sent.length, 2);
  });

  it('makes no queue without the right to, whatever it was before', () => {
    const scene = new Scene(rule('>', 'send', 'consume'));
    const destination = queue('q');
    assert.throws(() => scene.send(destination), denied('create', destination));
    assert.throws(() => scene.subscribe(destination), denied('create', destination));
    scene.queues.add('q');
    scene.send(destination);
    scene.subscribe(destination);
    scene.queues.delete('q');
    assert.throws(() => scene.send(destination), denied('create', destination));
    scene.send(topic('q'));
  });

  it('browses with the right to, or that to consume', () => {
    const destination = queue('q');
    const onlooker = new Scene(rule('q', 'browse', 'create'));
    onlooker.subscribe(destination, { browses: true });
    assert.throws(() => onlooker.subscribe(destination), denied('consume', destination));
    new Scene(rule('q', 'consume', 'create')).subscribe(destination, { browses: true });
  });

  it('subscribes to patterns that a rule covers as a whole', () => {
    const scene = new Scene(rule('a.*', 'consume'));
    scene.subscribe(topic('a.*'));
    scene.subscribe(topic('a.b'));
    assert.throws(() => scene.subscribe(topic('a.>')), denied('consume', topic('a.>')));
  });

  it('needs the right to create for a durable subscription, and none of others takes it', () => {
    const durable = { clientId: 'c', name: 's' };
    const scene = new Scene(rule('a', 'consume'), rule('b', 'consume', 'create'));
    assert.throws(() => scene.subscribe(topic('a'), { durable }), denied('create', topic('a')));
    scene.broker.durable.set('c/s', topic('a'));
    const stranger = new Scene(rule('b', 'consume', 'create'));
    stranger.broker.durable.set('c/s', topic('a'));
    scene.subscribe(topic('a'), { durable });
    assert.throws(() => stranger.subscribe(topic('b'), { durable }), denied('consume', topic('a')));
    assert.throws(
      () => stranger.session.removeDurableSubscription('c', 's', null),
      denied('consume', topic('a')),
    );
  });

  it('has temporary destinations without a rule', () => {
    const scene = new Scene();
    scene.session.createTemporary(queue('temporary:queue:1'));
    scene.subscribe(queue('temporary:queue:1'));
    scene.send(queue('temporary:queue:2'));
    assert.throws(() => scene.send(queue('q')), denied('send', queue('q')));
  });
});
