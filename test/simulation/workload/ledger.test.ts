/** The ledger sees each breach that it is there to see, and nothing where there is none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AckMode } from '../../../src/client/stomp-client.js';
import { Ledger } from './ledger.js';
import type {
  Arrival,
  Copy,
  LedgerConnection,
  LedgerSubscription,
  LedgerTransaction,
  Rejection,
} from './ledger-records.js';
import { WallOffsets } from './wall-offsets.js';

const QUEUE = '/queue/q';
const TOPIC = '/topic/t';

interface SendOptions {
  readonly to?: string;
  readonly expiresAtMs?: number;
  readonly priority?: number;
  readonly group?: string;
  readonly transaction?: LedgerTransaction;
}

interface DeliverOptions {
  /** 0: it came without one, as by AMQP. */
  readonly id: number;
  readonly isRedelivered?: boolean;
  readonly body?: string;
  readonly expiresAtMs?: number;
}

/** Clients in words; everything takes one millisecond. */
class Story {
  nowMs = 0;
  readonly breaches: string[] = [];
  readonly wallOffsets = new WallOffsets();
  readonly ledger: Ledger;

  constructor() {
    this.wallOffsets.note(0);
    this.ledger = new Ledger({
      nowMs: () => this.nowMs,
      onBreach: (invariant, sentence) => this.breaches.push(`${invariant}: ${sentence}`),
      wallOffsets: this.wallOffsets,
      maxDeliveries: 3,
    });
  }

  tick(): number {
    this.nowMs += 1;
    return this.nowMs;
  }

  connect(node = 'a'): LedgerConnection {
    this.tick();
    const connection = this.ledger.connecting('client');
    this.tick();
    this.ledger.connected(connection, node);
    return connection;
  }

  close(connection: LedgerConnection): void {
    this.tick();
    this.ledger.closed(connection);
  }

  send(connection: LedgerConnection, name: string, options: SendOptions = {}): Copy {
    this.tick();
    const message = {
      message: name,
      destination: options.to ?? QUEUE,
      body: Buffer.from(name),
      isDurable: true,
      expiresAtMs: options.expiresAtMs ?? 0,
      duplicateId: null,
      priority: options.priority ?? 4,
      group: options.group ?? null,
    };
    return this.ledger.send(connection, message, options.transaction ?? null);
  }

  confirm(...copies: Copy[]): void {
    this.tick();
    for (const copy of copies) this.ledger.confirmed(copy);
  }

  /** Sends it once more, with its receipt. */
  confirmAgain(copy: Copy, connection: LedgerConnection): void {
    const sentAtMs = this.tick();
    this.tick();
    this.ledger.confirmedAgain(copy, connection, sentAtMs);
  }

  sendConfirmed(connection: LedgerConnection, name: string, options: SendOptions = {}): Copy {
    const copy = this.send(connection, name, options);
    this.confirm(copy);
    return copy;
  }

  begin(connection: LedgerConnection): LedgerTransaction {
    this.tick();
    return this.ledger.begin(connection, 'transaction');
  }

  commit(transaction: LedgerTransaction): void {
    this.tick();
    this.ledger.committing(transaction);
  }

  commitConfirmed(transaction: LedgerTransaction): void {
    this.commit(transaction);
    const sentAtMs = this.nowMs;
    this.tick();
    this.ledger.committed(transaction, sentAtMs);
  }

  subscribe(connection: LedgerConnection, ack: AckMode = 'client-individual'): LedgerSubscription {
    this.tick();
    return this.ledger.subscribing(connection, this.ledger.queue(QUEUE), ack);
  }

  subscribeDurable(connection: LedgerConnection): LedgerSubscription {
    const sentAtMs = this.tick();
    const place = this.ledger.durable(TOPIC, 'somebody');
    const subscription = this.ledger.subscribing(connection, place, 'client-individual');
    this.tick();
    this.ledger.subscribed(subscription, sentAtMs);
    return subscription;
  }

  deliver(to: LedgerSubscription, copy: Copy, options: DeliverOptions): Arrival {
    this.tick();
    const expiresAtMs = to.place.kind === 'dead-letters' ? 0 : copy.expiresAtMs;
    const arrival = this.ledger.delivered(to, {
      copyNumber: copy.number,
      messageId: options.id,
      isRedelivered: options.isRedelivered ?? false,
      expiresAtMs: options.expiresAtMs ?? expiresAtMs,
      body: Buffer.from(options.body ?? copy.message),
    });
    return arrival as Arrival;
  }

  acknowledge(
    subscription: LedgerSubscription,
    arrival: Arrival,
    isCumulative = false,
  ): () => void {
    const sentAtMs = this.tick();
    const asked = this.ledger.acknowledging(subscription, arrival, isCumulative);
    return () => {
      this.tick();
      this.ledger.acknowledged(subscription, asked, sentAtMs);
    };
  }

  acknowledgeConfirmed(subscription: LedgerSubscription, arrival: Arrival): void {
    this.acknowledge(subscription, arrival)();
  }

  reject(subscription: LedgerSubscription, arrival: Arrival, rejection?: Rejection): void {
    this.tick();
    this.ledger.rejecting(subscription, arrival, rejection);
  }

  /** The broker has processed what this connection sent just now. */
  prove(connection: LedgerConnection): void {
    const sentAtMs = this.tick();
    this.tick();
    this.ledger.barrier(connection, sentAtMs);
  }
}

/** `expected` null: nothing is wrong. In the end everything is judged. */
function check(what: string, tell: (story: Story) => void, expected: RegExp | null): void {
  it(what, () => {
    const story = new Story();
    tell(story);
    story.tick();
    story.ledger.judge();
    if (expected === null) assert.deepEqual(story.breaches, []);
    else {
      assert.match(story.breaches.join('\n'), expected);
      assert.equal(story.breaches.length, 1, story.breaches.join('\n'));
    }
  });
}

describe('P1: a confirmed message', () => {
  check(
    'that comes and is acknowledged is in order',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      assert.equal(story.ledger.isSettled, false);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1 }));
      assert.equal(story.ledger.isSettled, true);
    },
    null,
  );
  check(
    'that never comes is lost',
    (story) => {
      story.sendConfirmed(story.connect(), 'm');
    },
    /^P1: message m \(copy 1\) .* was confirmed and never came/,
  );
  check(
    'that was sent twice is there twice when both were confirmed',
    (story) => {
      const first = story.sendConfirmed(story.connect(), 'm');
      const connection = story.connect();
      story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, first, { id: 1 }));
    },
    /^P1: message m \(copy 2\)/,
  );
  check(
    'that its consumer gave back and that never comes again is lost',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const consumer = story.connect();
      story.deliver(story.subscribe(consumer), copy, { id: 1 });
      story.close(consumer);
    },
    /^P1: .* was given back .* and never came again/,
  );
  check(
    'that was rejected and never comes again is lost',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      story.reject(to, story.deliver(to, copy, { id: 1 }));
    },
    /^P1: .* was given back/,
  );
  check(
    'whose acknowledgement got no answer need not come again',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const consumer = story.connect();
      const to = story.subscribe(consumer);
      story.acknowledge(to, story.deliver(to, copy, { id: 1 }));
      story.close(consumer);
    },
    null,
  );
  check(
    'that comes again after an unanswered acknowledgement must be got rid of anew',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const consumer = story.connect();
      const to = story.subscribe(consumer);
      story.acknowledge(to, story.deliver(to, copy, { id: 1 }));
      story.close(consumer);
      const next = story.connect();
      story.deliver(story.subscribe(next), copy, { id: 1, isRedelivered: true });
      story.close(next);
    },
    /^P1: .* was given back/,
  );
  check(
    'that was only sent may be lost',
    (story) => {
      story.send(story.connect(), 'm');
    },
    null,
  );
  check(
    'may vanish when it has expired by some clock, and not before',
    (story) => {
      const connection = story.connect();
      story.sendConfirmed(connection, 'gone', { expiresAtMs: 500 });
      story.sendConfirmed(connection, 'stays', { expiresAtMs: 700 });
      story.wallOffsets.note(600);
    },
    /^P1: message stays/,
  );
  check(
    'may vanish from the hands of a consumer that does not acknowledge',
    (story) => {
      const connection = story.connect();
      const consumer = story.connect();
      story.subscribe(consumer, 'auto');
      story.sendConfirmed(connection, 'm');
      story.close(consumer);
    },
    null,
  );
});

describe('P3: a confirmation', () => {
  check(
    'in a tenure that was over when it was asked for is a breach',
    (story) => {
      const old = story.connect('a');
      const current = story.connect('b');
      story.prove(current);
      story.prove(old);
    },
    /^P3: client at a was confirmed something/,
  );
  check(
    'that was asked for before the next tenure was known of may come late',
    (story) => {
      const old = story.connect('a');
      const sentAtMs = story.tick();
      story.prove(story.connect('b'));
      story.ledger.barrier(old, sentAtMs);
    },
    null,
  );
  check(
    'of an older tenure that comes late does not end a newer one',
    (story) => {
      const old = story.connect('b');
      const sentAtMs = story.tick();
      const current = story.connect('a');
      story.ledger.barrier(old, sentAtMs);
      story.prove(current);
    },
    null,
  );
});

describe('nothing-invented: a message', () => {
  check(
    'that nobody sent is seen',
    (story) => {
      const connection = story.connect();
      const copy = story.send(connection, 'm');
      const to = story.subscribe(connection);
      story.ledger.delivered(to, {
        copyNumber: copy.number + 1,
        messageId: 1,
        isRedelivered: false,
        expiresAtMs: 0,
        body: copy.body,
      });
    },
    /^nothing-invented: .* delivered a message 1 that nobody sent/,
  );
  check(
    'at another place than it was sent to is seen',
    (story) => {
      const connection = story.connect();
      const copy = story.send(connection, 'm', { to: '/queue/other' });
      story.deliver(story.subscribe(connection), copy, { id: 1 });
    },
    /^nothing-invented: \/queue\/q delivered message m/,
  );
  check(
    'with one other byte is seen',
    (story) => {
      const connection = story.connect();
      const copy = story.send(connection, 'm');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1, body: 'M' }));
    },
    /^nothing-invented: .* came with other bytes/,
  );
  check(
    'with the id of another is seen',
    (story) => {
      const connection = story.connect();
      const first = story.send(connection, 'one');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, first, { id: 1 }));
      const other = story.connect();
      const second = story.send(other, 'two');
      const there = story.subscribe(other);
      story.acknowledgeConfirmed(there, story.deliver(there, second, { id: 1 }));
    },
    /^nothing-invented: .* has the id 1 of message one/,
  );
});

describe('no-doubling: a copy with an id that is sent on two connections', () => {
  const fine = (story: Story): void => {
    const first = story.connect();
    const copy = story.send(first, 'm');
    story.close(first);
    const second = story.connect('b');
    story.confirmAgain(copy, second);
    story.confirmAgain(copy, second);
    const to = story.subscribe(second);
    story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 7 }));
  };
  check('may come under one id, whichever was taken', fine, null);
  check(
    'under two ids is seen',
    (story) => {
      const first = story.connect();
      const copy = story.sendConfirmed(first, 'm');
      const to = story.subscribe(first);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1 }));
      story.confirmAgain(copy, story.connect());
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 2 }));
    },
    /^no-doubling: .* came under two ids/,
  );
  check(
    'and confirmed the second time only is missed when it never comes',
    (story) => {
      const first = story.connect();
      const copy = story.send(first, 'm');
      story.close(first);
      story.confirmAgain(copy, story.connect('b'));
    },
    /^P1: .* was confirmed and never came/,
  );
});

describe('no-doubling: a copy', () => {
  check(
    'under two ids is seen',
    (story) => {
      const connection = story.connect();
      const copy = story.send(connection, 'm');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1 }));
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 2 }));
    },
    /^no-doubling: .* came under two ids/,
  );
  check(
    'that was sent once more is another',
    (story) => {
      const first = story.send(story.connect(), 'm');
      const connection = story.connect();
      const second = story.send(connection, 'm');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, first, { id: 1 }));
      story.acknowledgeConfirmed(to, story.deliver(to, second, { id: 2 }));
    },
    null,
  );
});

describe('order: messages with priorities', () => {
  const deliverBoth = (story: Story, isThere: boolean, isRedelivered: boolean): void => {
    const connection = story.connect();
    const early = isThere ? null : story.subscribe(connection);
    const usual = story.sendConfirmed(connection, 'usual');
    const urgent = story.sendConfirmed(connection, 'urgent', { priority: 9 });
    const to = early ?? story.subscribe(connection);
    story.acknowledgeConfirmed(to, story.deliver(to, usual, { id: 1 }));
    story.acknowledgeConfirmed(to, story.deliver(to, urgent, { id: 2, isRedelivered }));
  };
  check(
    'come with the urgent first, of those that were there',
    (story) => deliverBoth(story, true, false),
    /^order: message urgent .* of priority 9 came after one of 4/,
  );
  check('may have come later', (story) => deliverBoth(story, false, false), null);
  check('or may have been with others', (story) => deliverBoth(story, true, true), null);
});

describe('group: messages that belong together', () => {
  const deliverTo = (story: Story, groups: readonly string[], isOneAtATime: boolean): void => {
    const connection = story.connect();
    const [one, two] = groups.map((group) => story.sendConfirmed(connection, group, { group }));
    const [first, second] = [story.subscribe(connection), story.subscribe(story.connect())];
    const arrival = story.deliver(first, one as Copy, { id: 1 });
    const confirm = isOneAtATime ? story.acknowledge(first, arrival) : null;
    const other = story.deliver(second, two as Copy, { id: 2 });
    (confirm ?? story.acknowledge(first, arrival))();
    story.acknowledgeConfirmed(second, other);
  };
  check(
    'are with one consumer at a time',
    (story) => deliverTo(story, ['g', 'g'], false),
    /^group: client at a and client at a had message g .* and message g .* of group g at one time/,
  );
  check('may go to another one then', (story) => deliverTo(story, ['g', 'g'], true), null);
  check('and others may be elsewhere', (story) => deliverTo(story, ['g', 'h'], false), null);
});

describe('order: messages of one producer', () => {
  check(
    'that lie in the queue in another order are seen, whoever gets them',
    (story) => {
      const connection = story.connect();
      const [first, second] = ['one', 'two'].map((name) => story.send(connection, name));
      const to = story.subscribe(story.connect());
      story.acknowledgeConfirmed(to, story.deliver(to, second as Copy, { id: 1 }));
      const other = story.subscribe(story.connect());
      story.acknowledgeConfirmed(other, story.deliver(other, first as Copy, { id: 2 }));
    },
    /^order: message one .* was sent before message two/,
  );
  check(
    'of which the later one comes first without having been elsewhere are seen',
    (story) => {
      const connection = story.connect();
      const [first, second] = ['one', 'two'].map((name) => story.send(connection, name));
      const to = story.subscribe(story.connect());
      story.acknowledgeConfirmed(to, story.deliver(to, second as Copy, { id: 2 }));
      story.acknowledgeConfirmed(to, story.deliver(to, first as Copy, { id: 1 }));
    },
    /^order: message one .* came for the first time after a later one/,
  );
  check(
    'of which the earlier one comes again are in order',
    (story) => {
      const connection = story.connect();
      const [first, second] = ['one', 'two'].map((name) => story.send(connection, name));
      const to = story.subscribe(story.connect());
      story.acknowledgeConfirmed(to, story.deliver(to, second as Copy, { id: 2 }));
      const again = story.deliver(to, first as Copy, { id: 1, isRedelivered: true });
      story.acknowledgeConfirmed(to, again);
    },
    null,
  );
  check(
    'that were sent again on another connection have an order of their own',
    (story) => {
      const late = story.send(story.connect(), 'two');
      const connection = story.connect();
      const first = story.send(connection, 'one');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, first, { id: 1 }));
      story.acknowledgeConfirmed(to, story.deliver(to, late, { id: 2 }));
    },
    null,
  );
  check(
    'or of several, one sent after the other was confirmed, are in that order',
    (story) => {
      const first = story.sendConfirmed(story.connect(), 'one');
      const connection = story.connect();
      const second = story.sendConfirmed(connection, 'two');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, second, { id: 1 }));
      story.acknowledgeConfirmed(to, story.deliver(to, first, { id: 2 }));
    },
    /^order: message two .* was sent after message one .* was confirmed/,
  );
});

describe('acknowledged-stays-gone: a message', () => {
  /** A message that was delivered and acknowledged. */
  function acknowledged(story: Story): { copy: Copy; to: LedgerSubscription } {
    const connection = story.connect();
    const copy = story.sendConfirmed(connection, 'm');
    const to = story.subscribe(connection);
    story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1 }));
    return { copy, to };
  }

  check(
    'that comes again to whoever has acknowledged it is seen',
    (story) => {
      const { copy, to } = acknowledged(story);
      story.deliver(to, copy, { id: 1, isRedelivered: true });
    },
    /^acknowledged-stays-gone: /,
  );
  check(
    'that comes to somebody who connected later is seen',
    (story) => {
      const { copy } = acknowledged(story);
      const next = story.subscribe(story.connect('b'));
      story.deliver(next, copy, { id: 1, isRedelivered: true });
    },
    /^acknowledged-stays-gone: .* came again/,
  );
  check(
    'that comes to somebody who was connected before and has subscribed since is seen',
    (story) => {
      const stale = story.connect('a');
      const connection = story.connect('b');
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1 }));
      story.deliver(story.subscribe(stale), copy, { id: 1, isRedelivered: true });
    },
    /^acknowledged-stays-gone: .* came again/,
  );
  check(
    'may come late to somebody who was connected before',
    (story) => {
      const early = story.subscribe(story.connect());
      const { copy } = acknowledged(story);
      story.deliver(early, copy, { id: 1 });
    },
    null,
  );
  check(
    'may not come to one that has had an answer since',
    (story) => {
      const early = story.subscribe(story.connect());
      const { copy } = acknowledged(story);
      story.prove(early.connection);
      story.deliver(early, copy, { id: 1, isRedelivered: true });
    },
    /^acknowledged-stays-gone: /,
  );
  check(
    'may come from a node that does not know of its successor',
    (story) => {
      const connection = story.connect('b');
      const stale = story.subscribe(story.connect('a'));
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1 }));
      stale.connection.provenAtMs = story.tick();
      story.deliver(stale, copy, { id: 1 });
    },
    null,
  );
  check(
    'is acknowledged by a cumulative acknowledgement of a later one',
    (story) => {
      const connection = story.connect();
      const copies = ['one', 'two', 'three'].map((name) => story.sendConfirmed(connection, name));
      const to = story.subscribe(connection, 'client');
      const arrivals = copies.map((copy, index) => story.deliver(to, copy, { id: index + 1 }));
      story.acknowledge(to, arrivals[1] as Arrival, true)();
      story.close(connection);
      const next = story.subscribe(story.connect());
      story.deliver(next, copies[0] as Copy, { id: 1, isRedelivered: true });
      const last = story.deliver(next, copies[2] as Copy, { id: 3, isRedelivered: true });
      story.acknowledgeConfirmed(next, last);
    },
    /^acknowledged-stays-gone: message one/,
  );
});

describe('transaction-atomic: a transaction', () => {
  /** Two messages in a transaction, and somebody who could get them. */
  function twoMessages(story: Story) {
    const connection = story.connect();
    const transaction = story.begin(connection);
    const copies = ['one', 'two'].map((name) => story.send(connection, name, { transaction }));
    const to = story.subscribe(story.connect());
    return { connection, transaction, copies: copies as [Copy, Copy], to };
  }

  function take(story: Story, to: LedgerSubscription, copy: Copy, id: number): void {
    story.acknowledgeConfirmed(to, story.deliver(to, copy, { id }));
  }

  check(
    'that was committed comes as a whole',
    (story) => {
      const { transaction, copies, to } = twoMessages(story);
      story.commitConfirmed(transaction);
      take(story, to, copies[0], 1);
      take(story, to, copies[1], 2);
    },
    null,
  );
  check(
    'that was committed and of which a message never comes has lost it',
    (story) => {
      const { transaction, copies, to } = twoMessages(story);
      story.commitConfirmed(transaction);
      take(story, to, copies[0], 1);
    },
    /^P1: message two/,
  );
  check(
    'that was not yet committed gives nothing away',
    (story) => {
      const { copies, to } = twoMessages(story);
      take(story, to, copies[0], 1);
    },
    /^transaction-atomic: .* came before its COMMIT/,
  );
  check(
    'that was aborted gives nothing away',
    (story) => {
      const { transaction, copies, to } = twoMessages(story);
      story.ledger.aborting(transaction);
      take(story, to, copies[0], 1);
    },
    /^transaction-atomic: .* though it was never committed/,
  );
  check(
    'whose connection ended before COMMIT gives nothing away',
    (story) => {
      const { connection, copies, to } = twoMessages(story);
      story.close(connection);
      take(story, to, copies[0], 1);
    },
    /^transaction-atomic: .* though it was never committed/,
  );
  check(
    'of which nobody knows the end may come or not',
    (story) => {
      const { connection, transaction, copies, to } = twoMessages(story);
      story.commit(transaction);
      story.close(connection);
      assert.equal(story.ledger.isSettled, true);
      take(story, to, copies[0], 1);
      assert.equal(story.ledger.isSettled, false);
      take(story, to, copies[1], 2);
      assert.equal(story.ledger.isSettled, true);
    },
    null,
  );
  check(
    'of which nobody knows the end may not come in part',
    (story) => {
      const { connection, transaction, copies, to } = twoMessages(story);
      story.commit(transaction);
      story.close(connection);
      take(story, to, copies[1], 2);
    },
    /^transaction-atomic: of transaction some messages came and others never did/,
  );
  check(
    'that came and whose acknowledged message comes again is torn',
    (story) => {
      const connection = story.connect();
      const input = story.sendConfirmed(connection, 'input', { to: QUEUE });
      const consumer = story.connect();
      const arrival = story.deliver(story.subscribe(consumer), input, { id: 1 });
      const transaction = story.begin(consumer);
      const output = story.send(consumer, 'output', { transaction });
      story.ledger.acknowledgingIn(transaction, arrival);
      story.commit(transaction);
      story.close(consumer);
      const next = story.subscribe(story.connect());
      const again = story.deliver(next, input, { id: 1, isRedelivered: true });
      story.acknowledgeConfirmed(next, again);
      story.acknowledgeConfirmed(next, story.deliver(next, output, { id: 2 }));
    },
    /^transaction-atomic: messages of transaction came, and so did again/,
  );
});

describe('durable-subscription: a message to a topic', () => {
  check(
    'that was sent after the subscription was confirmed must come',
    (story) => {
      const connection = story.connect();
      story.subscribeDurable(connection);
      story.sendConfirmed(connection, 'm', { to: TOPIC });
    },
    /^durable-subscription: message m .* never came to \/topic\/t for somebody/,
  );
  check(
    'that was sent before need not',
    (story) => {
      const connection = story.connect();
      story.sendConfirmed(connection, 'm', { to: TOPIC });
      story.subscribeDurable(connection);
    },
    null,
  );
  check(
    'must come while its subscriber is away, too',
    (story) => {
      const subscriber = story.connect();
      story.subscribeDurable(subscriber);
      story.close(subscriber);
      const copy = story.sendConfirmed(story.connect(), 'm', { to: TOPIC });
      const next = story.subscribeDurable(story.connect());
      story.acknowledgeConfirmed(next, story.deliver(next, copy, { id: 1 }));
    },
    null,
  );
});

describe('dead-letter: a message', () => {
  function deadLetters(story: Story): LedgerSubscription {
    const place = story.ledger.deadLetters(QUEUE);
    return story.ledger.subscribing(story.connect(), place, 'client-individual');
  }

  check(
    'that failed as often as it may is received there',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        story.reject(to, story.deliver(to, copy, { id: 1, isRedelivered: attempt > 1 }));
      }
      const there = deadLetters(story);
      story.acknowledgeConfirmed(there, story.deliver(there, copy, { id: 2 }));
    },
    null,
  );
  check(
    'that cannot have failed so often is seen',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      story.reject(to, story.deliver(to, copy, { id: 1 }));
      const there = deadLetters(story);
      story.acknowledgeConfirmed(there, story.deliver(there, copy, { id: 2 }));
    },
    /^dead-letter: .* after at most 2 failures/,
  );
  check(
    'that is one and still in its queue is seen',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        story.reject(to, story.deliver(to, copy, { id: 1, isRedelivered: attempt > 1 }));
      }
      const there = deadLetters(story);
      story.acknowledgeConfirmed(there, story.deliver(there, copy, { id: 2 }));
      const again = story.subscribe(story.connect());
      story.deliver(again, copy, { id: 1, isRedelivered: true });
    },
    /^no-doubling: .* is a dead letter/,
  );
  check(
    'that becomes one after its acknowledgement was confirmed is seen',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        story.reject(to, story.deliver(to, copy, { id: 1, isRedelivered: attempt > 1 }));
      }
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1, isRedelivered: true }));
      const there = deadLetters(story);
      story.acknowledgeConfirmed(there, story.deliver(there, copy, { id: 2 }));
    },
    /^acknowledged-stays-gone: .* is a dead letter/,
  );
});

describe('AMQP: a message without an id', () => {
  check(
    'that comes once and is acknowledged is in order',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 0 }));
    },
    null,
  );
  check(
    'that comes after a later one of its sender is out of order',
    (story) => {
      const connection = story.connect();
      const first = story.sendConfirmed(connection, 'first');
      const second = story.sendConfirmed(connection, 'second');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, second, { id: 0 }));
      story.acknowledgeConfirmed(to, story.deliver(to, first, { id: 0 }));
    },
    /^order: message first/,
  );
  check(
    'that comes again after a later one is in order when it says so',
    (story) => {
      const connection = story.connect();
      const first = story.sendConfirmed(connection, 'first');
      const second = story.sendConfirmed(connection, 'second');
      const to = story.subscribe(connection);
      story.reject(to, story.deliver(to, first, { id: 0 }), 'released');
      story.acknowledgeConfirmed(to, story.deliver(to, second, { id: 0 }));
      story.acknowledgeConfirmed(to, story.deliver(to, first, { id: 0, isRedelivered: true }));
    },
    null,
  );
  check(
    'that comes again as if for the first time was doubled',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      story.deliver(to, copy, { id: 0 });
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 0 }));
    },
    /^order: message m/,
  );
  check(
    'that comes again after its acknowledgement was confirmed is seen',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 0 }));
      story.deliver(to, copy, { id: 0, isRedelivered: true });
    },
    /^acknowledged-stays-gone: /,
  );
  check(
    'that is to live for ever and comes with a time to live is seen',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      const arrival = story.deliver(to, copy, { id: 0, expiresAtMs: Number.NaN });
      story.acknowledgeConfirmed(to, arrival);
    },
    /^nothing-invented: .* with other bytes/,
  );
  check(
    'that was called poison is a dead letter after one failure',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      story.reject(to, story.deliver(to, copy, { id: 0 }), 'poison');
      const place = story.ledger.deadLetters(QUEUE);
      const there = story.ledger.subscribing(story.connect(), place, 'client-individual');
      story.acknowledgeConfirmed(there, story.deliver(there, copy, { id: 2 }));
    },
    null,
  );
  check(
    'that was released is no dead letter, however often',
    (story) => {
      const connection = story.connect();
      const copy = story.sendConfirmed(connection, 'm');
      const to = story.subscribe(connection);
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        const arrival = story.deliver(to, copy, { id: 0, isRedelivered: attempt > 1 });
        story.reject(to, arrival, 'released');
      }
      const place = story.ledger.deadLetters(QUEUE);
      const there = story.ledger.subscribing(story.connect(), place, 'client-individual');
      story.acknowledgeConfirmed(there, story.deliver(there, copy, { id: 2 }));
    },
    /^dead-letter: /,
  );
  check(
    'that may have waited for room in its session may have expired meanwhile',
    (story) => {
      const connection = story.connect();
      connection.holdsBack = true;
      const copy = story.send(connection, 'm', { expiresAtMs: 50 });
      const to = story.subscribe(connection);
      story.nowMs = 100;
      story.prove(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 0 }));
    },
    null,
  );
});

describe('expiry and refusals', () => {
  check(
    'a message that has expired by every clock comes no more',
    (story) => {
      const connection = story.connect();
      const copy = story.send(connection, 'm', { expiresAtMs: 50 });
      const to = story.subscribe(connection);
      story.nowMs = 100;
      story.prove(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1 }));
    },
    /^expiry: /,
  );
  check(
    'a message that has expired only by some clocks may come',
    (story) => {
      const connection = story.connect();
      const copy = story.send(connection, 'm', { expiresAtMs: 50 });
      const to = story.subscribe(connection);
      story.wallOffsets.note(-90);
      story.nowMs = 100;
      story.prove(connection);
      story.acknowledgeConfirmed(to, story.deliver(to, copy, { id: 1 }));
    },
    null,
  );
  check(
    'an ERROR frame for nothing that the client did is seen',
    (story) =>
      story.ledger.refused(story.connect(), 'ACK belongs to no MESSAGE of this connection'),
    /^refusal: client at a got: ACK/,
  );
  check(
    'an ERROR frame about a connection that was cut off is not',
    (story) => story.ledger.refused(story.connect(), 'No heart-beat for 2 times 500 ms.'),
    null,
  );
});
