/** Qpid JMS, as applications in Java use it, for javax.jms and for jakarta.jms. Without Maven this is skipped, loudly. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeReport } from '../../src/node/node-report.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { TestStore } from '../support/test-store.js';
import { failoverUrl, JMS_PACKAGES, noMaven, startJava } from './java-programs.js';
import { JmsLoad } from './jms-load.js';

const AMQP = { HOLDFAST_AMQP_LISTEN: '127.0.0.1:0' };

const ENDS = {
  'kill -9': (node: NodeProcess) => node.kill(),
  SIGTERM: (node: NodeProcess) => node.terminate(),
} as const;

for (const jmsPackage of JMS_PACKAGES) {
  test(`Qpid JMS (${jmsPackage}.jms) goes through what a JMS application does`, {
    skip: noMaven,
  }, async (t) => {
    // One of them knows the backup only, which tells it where the live node is.
    const isRedirected = jmsPackage === 'jakarta';
    const redirecting = { ...AMQP, HOLDFAST_AMQP_REDIRECT_TO_LIVE: 'true' };
    const store = await TestStore.make(t, isRedirected ? redirecting : AMQP);
    const { live, backup } = await store.startPair();
    const args = ['JmsSteps', isRedirected ? failoverUrl(backup) : failoverUrl(backup, live)];
    const program = await startJava(t, jmsPackage, args);
    assert.equal(await program.end(), 0);
    assert.deepEqual(program.lines, [
      'received [order 0/0/false, order 1/1/false, order 2/2/false]',
      'nothing more: null',
      'in a transaction: committed false 1',
      'after its rollback: committed true 2',
      'after its commit: null',
      'on a topic: to everybody',
      'on a topic: to everybody',
      'durable: while it was away',
      'changed: to another topic',
      'unsubscribed',
    ]);
  });
}

for (const jmsPackage of JMS_PACKAGES) {
  test(`Qpid JMS (${jmsPackage}.jms) has selectors, browsers, temporary destinations, shared subscriptions and delays`, {
    skip: noMaven,
  }, async (t) => {
    const store = await TestStore.make(t, AMQP);
    const { live, backup } = await store.startPair();
    const url = `amqp://${live.addressOf('amqp')}`;
    const program = await startJava(t, jmsPackage, ['JmsFeatures', failoverUrl(backup, live), url]);
    assert.equal(await program.end(), 0);
    assert.deepEqual(program.lines, [
      "color = 'red' AND number BETWEEN 1 AND 3: [part 2]",
      "JMSCorrelationID = 'c5': [part 5]",
      "JMSType LIKE 'kind_' AND JMSPriority < 1: [part 0]",
      "color IN ('blue', 'green') AND missing IS NULL: [part 3, part 1]",
      "JMSDeliveryMode = 'PERSISTENT': [part 4]",
      'browsed: [page 0, page 1, page 2, page 3]',
      'browsed with a selector: [page 2, page 3]',
      'still there: [page 0, page 1, page 2, page 3]',
      'browsed at last: []',
      'answered: that true',
      'an answer to nobody: InvalidDestinationException',
      'anonymous: [to a queue] [to a topic]',
      'temporary topic: [to all of us] [to all of us]',
      'shared: [job 0, job 1, job 2, job 3] true',
      'shared and durable: [job 0, job 1, job 2, job 3]',
      'by another client: [while nobody was there]',
      'with wildcards: [uk, uk sport]',
      'delayed: true [later]',
      'without its own: [foreign]',
      'durable with a selector: [number 1]',
      'with another selector: [number 2]',
      'client id: InvalidClientIDException',
    ]);
  });
}

for (const jmsPackage of JMS_PACKAGES) {
  test(`Qpid JMS (${jmsPackage}.jms) gets what is urgent first, and each group with one consumer, after kill -9 too`, {
    skip: noMaven,
  }, async (t) => {
    const store = await TestStore.make(t, AMQP);
    const { live, backup } = await store.startPair();
    const program = await startJava(t, jmsPackage, ['JmsOrder', failoverUrl(live, backup)]);
    await program.line(/^sent/);
    await live.kill();
    await backup.untilRole('live');
    program.tell('go on');
    assert.equal(await program.end(), 0);
    assert.deepEqual(program.lines, [
      'by priority: [of 9, of 9, of 5, of 4, of 4, of 0]',
      'groups: [a1, a2, a3] [b1, b2, b3]',
      'its group, by the other: true',
      'and what comes then: [a4, b4]',
      'closed: [a1, a2!] true [a3]',
      'sent',
      'after a takeover: [a1, a2, a3, a4] [b1, b2, b3, b4]',
      'one by one: [first, urgent, second]',
    ]);
  });
}

for (const [jmsPackage, end] of [
  ['javax', 'kill -9'],
  ['jakarta', 'kill -9'],
  ['jakarta', 'SIGTERM'],
] as const) {
  test(`Qpid JMS (${jmsPackage}.jms) under load goes on after ${end} of the live node, and loses nothing`, {
    skip: noMaven,
  }, async (t) => {
    // One of them is told where the other node is, and has no list of its own.
    const isTold = jmsPackage === 'javax';
    const announcing = { ...AMQP, HOLDFAST_AMQP_ANNOUNCE_NODES: 'true' };
    const store = await TestStore.make(t, isTold ? announcing : AMQP);
    const { live, backup } = await store.startPair();
    if (isTold) await untilKnown(live, backup);
    const load = new JmsLoad();
    const args = ['JmsFailover', isTold ? failoverUrl(live) : failoverUrl(live, backup)];
    const program = await startJava(t, jmsPackage, args, load.onLine);
    await load.confirmsMore();
    program.tell('prepare');
    await program.line(/^prepared took/);
    load.noteUnderWay();
    await ENDS[end](live);
    load.noteUnderWay();
    await backup.untilRole('live');
    await program.line(/^all connected/);
    program.tell('commit');
    await program.line(/^prepared sent/);
    await load.confirmsMore();
    program.tell('stop');
    await program.line(/^all stopped/);
    await load.check();
    assert.equal(await program.end(), 0);
    t.diagnostic(load.summary);
    // Three were taken and twenty sent: all of it comes to nothing, and is then done once.
    assert.deepEqual(program.linesOf('prepared'), [
      'took [taken 0, taken 1, taken 2]',
      'was rolled back',
      'took [taken 0, taken 1, taken 2]',
      'left null',
      'sent 20',
    ]);
    assert.deepEqual(program.linesOf('failed'), []);
  });
}

/** The live node has seen where clients reach the other one. */
async function untilKnown(live: NodeProcess, other: NodeProcess): Promise<void> {
  await eventually(`${live.name} knows of ${other.name}`, async () => {
    const response = await fetch(`http://${live.addressOf('http')}/api/v1/node`);
    const { peers } = (await response.json()) as NodeReport;
    return peers.some(({ running, addresses }) => running && addresses.amqp !== undefined);
  });
}

for (const jmsPackage of JMS_PACKAGES) {
  test(`Qpid JMS (${jmsPackage}.jms) is told of full queues that reject, and not of those that drop`, {
    skip: noMaven,
  }, async (t) => {
    const addresses = {
      rejects: { maxMessages: 2, whenFull: 'reject' },
      drops: { maxMessages: 2, whenFull: 'drop' },
    };
    const store = await TestStore.make(t, {
      ...AMQP,
      HOLDFAST_ADDRESSES: JSON.stringify(addresses),
    });
    const live = await store.startLive('a');
    const program = await startJava(t, jmsPackage, ['JmsFullQueues', failoverUrl(live)]);
    assert.equal(await program.end(), 0);
    assert.deepEqual(program.lines, [
      'send 1: done',
      'send 2: done',
      'send 3: ResourceAllocationException',
      'received message 1',
      'received message 2',
      'send 3 again: done',
      'received message 3',
      'commit of too much: JmsTransactionInDoubtException',
      'commit of what fits: done',
      'send in a transaction: done',
      'its commit: JmsTransactionInDoubtException',
      'received with what fits',
      'received fits 1',
      'received fits 2',
      'received dropping 1',
      'received dropping 2',
      'nothing more: null',
    ]);
  });
}
