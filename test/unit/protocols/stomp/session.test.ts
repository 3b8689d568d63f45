import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endOfMicrotasks, KnownUser } from '../shared/known-user.js';
import { refusal } from '../shared/scripted-broker.js';
import { Connection, connected, STOMP_CONFIG } from './connection.js';

/** The `message` header of an ERROR frame that must be the last thing said. */
function errorIn(connection: Connection, answer: string): string {
  const message = /(?:^|\^@)ERROR\nmessage:(.*)\n(?:.*\n)*?\n[\s\S]*\^@$/.exec(answer)?.[1];
  assert.ok(message !== undefined, `not an ERROR frame: ${JSON.stringify(answer)}`);
  assert.equal(connection.socket.ended, true, 'the connection is closed behind an ERROR');
  return message;
}

describe('CONNECT', () => {
  it('is answered with the best common version', () => {
    const connection = new Connection();
    assert.equal(
      connection.exchange('CONNECT\naccept-version:1.0,1.2,2.0\nhost:h\n\n^@'),
      'CONNECTED\nversion:1.2\nsession:s-1\nserver:holdfast/0.1.0 a\nheart-beat:400,400\n\n^@',
    );
    assert.equal(connection.broker.describe, 'stomp 10.0.0.5:51234');
  });

  it('may be called STOMP', () => {
    const connection = new Connection();
    assert.match(
      connection.exchange('STOMP\naccept-version:1.1\n\n^@'),
      /^CONNECTED\nversion:1\.1\n/,
    );
  });

  it('without accept-version means 1.0', () => {
    const connection = new Connection();
    assert.equal(
      connection.exchange('CONNECT\n\n^@'),
      'CONNECTED\nversion:1.0\nsession:s-1\nserver:holdfast/0.1.0 a\n\n^@',
    );
  });

  it('without a common version is refused with the versions there are', () => {
    const connection = new Connection();
    const answer = connection.exchange('CONNECT\naccept-version:2.1\n\n^@');
    assert.match(errorIn(connection, answer), /^No version in common with accept-version "2\.1"$/);
    assert.match(answer, /\nversion:1\.0,1\.1,1\.2\n/);
  });

  it('must come first', () => {
    const connection = new Connection();
    const answer = connection.exchange('SEND\ndestination:/queue/a\n\n^@');
    assert.equal(errorIn(connection, answer), 'SEND came before CONNECT');
  });

  it('must not come twice', () => {
    const connection = connected('1.2');
    const answer = connection.exchange('CONNECT\n\n^@');
    assert.equal(errorIn(connection, answer), 'This connection is connected already');
  });

  it('must come in time', () => {
    const connection = new Connection();
    connection.socket.push(Uint8Array.of(0x43));
    connection.clock.advance(STOMP_CONFIG.connectTimeoutMs);
    assert.equal(errorIn(connection, connection.answer()), 'No whole CONNECT frame within 1000 ms');
  });

  it('is refused without credentials, or with wrong ones', async () => {
    const nobody = new Connection({ authentication: new KnownUser('u', 'p') });
    const refused = 'Login or passcode is wrong';
    assert.equal(errorIn(nobody, nobody.exchange('CONNECT\n\n^@')), refused);
    const stranger = new Connection({ authentication: new KnownUser('u', 'p') });
    assert.equal(stranger.exchange('CONNECT\nlogin:u\npasscode:x\n\n^@'), '', 'not known yet');
    await endOfMicrotasks();
    assert.equal(errorIn(stranger, stranger.answer()), refused);
    assert.deepEqual(stranger.broker.describe, '');
  });

  it('without credentials is that of the user in the certificate', async () => {
    const certificate = { subject: 'O=Example, CN=u', commonName: 'u' };
    const authentication = new KnownUser('u', 'p', certificate);
    const connection = new Connection({ authentication });
    authentication.broker = connection.broker;
    assert.equal(connection.exchange('CONNECT\n\n^@'), '', 'not known yet');
    await endOfMicrotasks();
    assert.match(connection.answer(), /^CONNECTED\n/);
  });

  it('is refused with the certificate of nobody, or with half of the credentials', async () => {
    const certificate = { subject: 'O=Example, CN=stranger', commonName: 'stranger' };
    const options = { authentication: new KnownUser('u', 'p', certificate) };
    const stranger = new Connection(options);
    stranger.exchange('CONNECT\n\n^@');
    await endOfMicrotasks();
    const message = errorIn(stranger, stranger.answer());
    assert.equal(message, 'No user has the name in this certificate');
    const half = new Connection(options);
    const answer = half.exchange('CONNECT\nlogin:stranger\n\n^@');
    assert.equal(errorIn(half, answer), 'Login or passcode is wrong');
    const both = new Connection(options);
    both.exchange('CONNECT\nlogin:u\npasscode:x\n\n^@');
    await endOfMicrotasks();
    assert.equal(errorIn(both, both.answer()), 'Login or passcode is wrong');
  });

  it('is held up with all that comes behind it until the credentials are found right', async () => {
    const authentication = new KnownUser('u', 'p');
    const connection = new Connection({ authentication });
    authentication.broker = connection.broker;
    const send = 'SEND\ndestination:/queue/q\n\n1^@';
    const connect = 'CONNECT\naccept-version:1.2\nlogin:u\npasscode:p\n\n^@';
    assert.equal(connection.exchange(`${connect}${send}SEND\ndest`), '');
    assert.equal(connection.exchange('ination:/queue/q\n\n2^@'), '');
    assert.ok(connection.socket.paused);
    assert.deepEqual(connection.broker.calls, []);
    await endOfMicrotasks();
    assert.match(connection.answer(), /^CONNECTED\nversion:1.2\n/);
    assert.ok(!connection.socket.paused);
    const bodies = connection.broker.sent.map(({ body }) => Buffer.from(body).toString());
    assert.deepEqual(bodies, ['1', '2']);
  });

  it('that is not looked at in time is told so, and changes nothing any more', async () => {
    const authentication = new KnownUser('u', 'p');
    const connection = new Connection({ authentication });
    authentication.broker = connection.broker;
    connection.exchange('CONNECT\nlogin:u\npasscode:p\n\n^@');
    connection.clock.advance(STOMP_CONFIG.connectTimeoutMs);
    const message = errorIn(connection, connection.answer());
    assert.equal(message, 'The login was not looked at within 1000 ms');
    await endOfMicrotasks();
    assert.equal(connection.answer(), '');
    assert.equal(connection.broker.describe, '');
  });

  it('with a heart-beat that is not two numbers is refused', () => {
    const connection = new Connection();
    const answer = connection.exchange('CONNECT\naccept-version:1.2\nheart-beat:often\n\n^@');
    assert.equal(errorIn(connection, answer), 'Heart-beat "often" is not two numbers');
  });
});

describe('SEND', () => {
  it('hands the broker destination, body, user headers and properties', () => {
    const connection = connected('1.2');
    connection.exchange(
      'SEND\ndestination:/topic/a.b\nx:1\npersistent:false\npriority:7\nexpires:1700000000123\n' +
        'y\\c:2\nreceipt:r\ncontent-type:text/plain\n\nbody^@',
    );
    const [message] = connection.broker.sent;
    assert.deepEqual(
      {
        ...message,
        headers: String(Buffer.from(message?.headers ?? [])),
        body: String(Buffer.from(message?.body ?? [])),
      },
      {
        destination: { kind: 'topic', name: 'a.b' },
        contentKind: 1,
        headers: 'x:1\ny\\c:2\ncontent-type:text/plain\n',
        body: 'body',
        durable: false,
        priority: 7,
        expiresAtMs: 1_700_000_000_123,
        deliverAtMs: 0,
        duplicateId: null,
        groupId: null,
        closesGroup: false,
      },
    );
  });

  for (const version of ['1.0', '1.1', '1.2'] as const) {
    it(`of ${version} hands in its duplicate id, and keeps the header`, () => {
      const connection = connected(version);
      for (const headers of [
        '_AMQ_DUPL_ID:a',
        'duplicate-id:b',
        'duplicate-id:b\n_AMQ_DUPL_ID:a',
        'x:y',
        'duplicate-id:ä c',
      ]) {
        connection.exchange(`SEND\ndestination:/queue/a\n${headers}\n\nbody^@`);
        const { duplicateId, headers: stored } = connection.broker.sent.at(-1) ?? {};
        const expected = /_ID:(.*)/.exec(headers) ?? /-id:(.*)/.exec(headers);
        assert.equal(duplicateId, expected?.[1] ?? null);
        assert.equal(Buffer.from(stored ?? []).toString(), `${headers}\n`);
      }
    });
  }

  it('has the same duplicate id in every version, however it is escaped', () => {
    const header = 'SEND\ndestination:/queue/a\n_AMQ_DUPL_ID:';
    const ids = (['1.0', '1.1', '1.2'] as const).map((version) => {
      const connection = connected(version);
      connection.exchange(`${header}${version === '1.0' ? 'a:b' : 'a\\cb'}\n\n^@`);
      return connection.broker.sent[0]?.duplicateId;
    });
    assert.deepEqual(ids, ['a:b', 'a:b', 'a:b']);
  });

  it('is durable, of priority 4 and never expires unless it says so', () => {
    const connection = connected('1.2');
    connection.exchange('SEND\ndestination:/queue/a\n\n^@');
    const { durable, priority, expiresAtMs, headers } = connection.broker.sent[0] ?? {};
    assert.deepEqual([durable, priority, expiresAtMs, headers?.length], [true, 4, 0, 0]);
  });

  it('has its receipt only when the broker confirms (P1)', () => {
    const connection = connected('1.2');
    const answer = connection.exchange('SEND\ndestination:/queue/a\nreceipt:a\\c1\n\nx^@');
    assert.equal(answer, '');
    connection.clock.advance(100);
    assert.equal(connection.answer(), '');
    assert.equal(connection.confirm(), 'RECEIPT\nreceipt-id:a\\c1\n\n^@');
  });

  it('without a receipt asks for no confirmation', () => {
    const connection = connected('1.2');
    connection.exchange('SEND\ndestination:/queue/a\n\nx^@');
    assert.deepEqual(connection.broker.takeCalls(), ['send queue a in null']);
  });

  it('has receipts given in the order they were asked for, many in one write', () => {
    const connection = connected('1.2');
    const numbers = Array.from({ length: 1000 }, (_, index) => `r${index}`);
    connection.exchange(
      numbers.map((id) => `SEND\ndestination:/queue/a\nreceipt:${id}\n\nx^@`).join(''),
    );
    const writesBefore = connection.socket.writes;
    const answer = connection.confirm();
    assert.equal(answer, numbers.map((id) => `RECEIPT\nreceipt-id:${id}\n\n^@`).join(''));
    assert.ok(connection.socket.writes - writesBefore <= 8, 'gathered, not written one by one');
  });

  for (const [destination, message] of [
    ['queue/a', 'Destination "queue/a" has no known form'],
    ['/temp-queue/a', 'Destination "/temp-queue/a" has no known form'],
    ['/queue/', 'Destination "/queue/" has no known form'],
    ['/topic/a.*', 'Destination "/topic/a.*" has a name that is not allowed'],
    ['/queue/a,/queue/b', 'Destination "/queue/a,/queue/b" has a name that is not allowed'],
    [`/queue/${'x'.repeat(1001)}`, 'Destination name over the limit of 1000 bytes'],
  ] as const) {
    it(`to ${destination.slice(0, 20)} is refused with the forms there are`, () => {
      const connection = connected('1.2');
      const answer = connection.exchange(`SEND\ndestination:${destination}\nreceipt:9\n\n^@`);
      assert.equal(errorIn(connection, answer), message);
      assert.match(answer, /Destinations are \/queue\/NAME and \/topic\/NAME\./);
      assert.match(answer, /\nreceipt-id:9\n/);
    });
  }

  for (const [headers, message] of [
    ['', 'SEND has no destination header'],
    ['destination:/queue/a\npriority:10\n', 'SEND has "10" as priority'],
    ['destination:/queue/a\nexpires:soon\n', 'SEND has "soon" as expires'],
  ] as const) {
    it(`is refused: ${message}`, () => {
      const connection = connected('1.2');
      assert.equal(errorIn(connection, connection.exchange(`SEND\n${headers}\n^@`)), message);
    });
  }
});

describe('SUBSCRIBE and UNSUBSCRIBE', () => {
  for (const [headers, call] of [
    ['', 'subscribe queue a ack 0 prefetch 0'],
    ['ack:auto\n', 'subscribe queue a ack 0 prefetch 0'],
    ['ack:client\nprefetch-count:5\n', 'subscribe queue a ack 1 prefetch 5'],
    ['ack:client-individual\nactivemq.prefetchSize:6\n', 'subscribe queue a ack 2 prefetch 6'],
    ['no-local:false\nreceipt:r\n', 'subscribe queue a ack 0 prefetch 0 (confirm)'],
  ] as const) {
    it(`translates ${JSON.stringify(headers)}`, () => {
      const connection = connected('1.2');
      connection.exchange(`SUBSCRIBE\nid:0\ndestination:/queue/a\n${headers}\n^@`);
      assert.deepEqual(connection.broker.takeCalls(), [call]);
    });
  }

  for (const name of ['durable-subscription-name', 'activemq.subscriptionName']) {
    it(`${name} makes it durable, and UNSUBSCRIBE with it removes the durable subscription`, () => {
      const connection = connected('1.2', 'client-id:me\n');
      connection.exchange(`SUBSCRIBE\nid:0\ndestination:/topic/t\n${name}:news\n\n^@`);
      connection.exchange('UNSUBSCRIBE\nid:0\n\n^@');
      connection.exchange(`SUBSCRIBE\nid:0\ndestination:/topic/t\n${name}:news\n\n^@`);
      connection.exchange(`UNSUBSCRIBE\nid:0\n${name}:news\nreceipt:1\n\n^@`);
      connection.exchange(`UNSUBSCRIBE\nid:9\n${name}:old\n\n^@`);
      assert.deepEqual(connection.broker.takeCalls(), [
        'subscribe topic t ack 0 prefetch 0 durable me/news',
        'unsubscribe 0',
        'subscribe topic t ack 0 prefetch 0 durable me/news',
        'unsubscribe 1',
        'remove me/news (confirm)',
        'remove me/old',
      ]);
    });
  }

  for (const [header, expected] of [
    ['_AMQ_SCHED_DELIVERY:1800000000000', 1_800_000_000_000],
    ['AMQ_SCHEDULED_DELAY:5000', null],
  ] as const) {
    it(`sends for later with ${header}`, () => {
      const connection = connected('1.2');
      connection.exchange(`SEND\ndestination:/queue/a\n${header}\n\nx^@`);
      const wanted = expected ?? connection.clock.wallMs() + 5_000;
      assert.equal(connection.broker.sent[0]?.deliverAtMs, wanted);
    });
  }

  it('says which group a message is of, and when it is the last one of it', () => {
    const connection = connected('1.2');
    for (const headers of [
      'JMSXGroupID:a\\cb\n',
      'JMSXGroupID:a\nJMSXGroupSeq:7\n',
      'JMSXGroupID:a\nJMSXGroupSeq:-1\n',
      'JMSXGroupSeq:-1\n',
    ]) {
      connection.exchange(`SEND\ndestination:/queue/a\n${headers}\nx^@`);
    }
    const groups = connection.broker.sent.map(({ groupId, closesGroup }) => [groupId, closesGroup]);
    assert.deepEqual(groups, [
      ['a:b', false],
      ['a', false],
      ['a', true],
      [null, false],
    ]);
    const stored = Buffer.from(connection.broker.sent[2]?.headers ?? []).toString();
    assert.equal(stored, 'JMSXGroupID:a\nJMSXGroupSeq:-1\n');
    const answer = connection.exchange(
      'SEND\ndestination:/queue/a\nJMSXGroupID:a\nJMSXGroupSeq:last\n\nx^@',
    );
    assert.match(answer, /^ERROR\n(.*\n)*.*"last" as JMSXGroupSeq/);
  });

  it('says what it wants with selector and no-local', () => {
    const connection = connected('1.2');
    const wishes = "selector:color = 'red'\nno-local:true\n";
    connection.exchange(`SUBSCRIBE\nid:1\ndestination:/topic/a\n${wishes}\n^@`);
    assert.deepEqual(connection.broker.takeCalls(), [
      "subscribe topic a ack 0 prefetch 0 where color = 'red' noLocal",
    ]);
  });

  it('browses a queue, and is told of the end', () => {
    const connection = connected('1.2');
    const browsing = 'SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client\nbrowser:true\n\n^@';
    assert.equal(connection.exchange(browsing), '');
    assert.deepEqual(connection.broker.takeCalls(), [
      'subscribe queue a ack 0 prefetch 0 browses',
      'drain 0',
    ]);
    connection.broker.drains.shift()?.();
    const headers = 'subscription:1\ndestination:/queue/a\nmessage-id:0\nbrowser:end\n';
    assert.match(connection.answer(), new RegExp(`^MESSAGE\n${headers}`));
    assert.deepEqual(connection.broker.takeCalls(), ['credit 0 0']);
  });

  for (const [frame, message] of [
    ['SUBSCRIBE\ndestination:/queue/a\n\n^@', 'SUBSCRIBE has no id header'],
    ['SUBSCRIBE\nid:1\n\n^@', 'SUBSCRIBE has no destination header'],
    ['SUBSCRIBE\nid:1\ndestination:/queue/a\nack:never\n\n^@', 'Unknown ack mode "never"'],
    [
      'SUBSCRIBE\nid:1\ndestination:/queue/a\n\n^@SUBSCRIBE\nid:1\ndestination:/queue/b\n\n^@',
      'The id 1 is subscribed to already',
    ],
    [
      'SUBSCRIBE\nid:1\ndestination:/queue/a\nactivemq.exclusive:true\n\n^@',
      'SUBSCRIBE asks for activemq.exclusive, which this broker does not offer',
    ],
    [
      'SUBSCRIBE\nid:1\ndestination:/queue/a\ndurable-subscription-name:n\n\n^@',
      'A durable subscription is only possible on a topic',
    ],
    [
      'SUBSCRIBE\nid:1\ndestination:/topic/a\ndurable-subscription-name:n\n\n^@',
      'A durable subscription needs a client-id',
    ],
    ['UNSUBSCRIBE\nid:1\n\n^@', 'UNSUBSCRIBE names no subscription of this connection'],
  ] as const) {
    it(`is refused: ${message}`, () => {
      const connection = connected('1.2');
      assert.equal(errorIn(connection, connection.exchange(frame)), message);
    });
  }

  it('in 1.0 the destination serves as the id', () => {
    const connection = connected('1.0');
    connection.exchange(
      'SUBSCRIBE\ndestination:/queue/a\n\n^@UNSUBSCRIBE\ndestination:/queue/a\n\n^@',
    );
    assert.deepEqual(connection.broker.takeCalls(), [
      'subscribe queue a ack 0 prefetch 0',
      'unsubscribe 0',
    ]);
  });
});

describe('MESSAGE', () => {
  it('carries everything a 1.2 client needs', () => {
    const connection = connected('1.2');
    connection.exchange('SUBSCRIBE\nid:a\\cb\ndestination:/queue/q\nack:client\n\n^@');
    connection.broker.deliver(0, { headers: 'x:1\\r\ny\\c:2\n', body: 'a\0b' });
    assert.equal(
      connection.answer(),
      'MESSAGE\nsubscription:a\\cb\ndestination:/queue/q\nmessage-id:7\nack:0-7\npriority:4\n' +
        'timestamp:1700000000000\npersistent:true\ncontent-length:3\nx:1\\r\ny\\c:2\n\na^@b^@',
    );
  });

  it('says when it was delivered before, when it expires, and that it is not durable', () => {
    const connection = connected('1.2');
    connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@');
    connection.broker.deliver(0, {
      entryId: 9_007_199_254_740_991,
      durable: false,
      redelivered: true,
      failedDeliveries: 2,
      expiresAtMs: 1_800_000_000_000,
      priority: 9,
    });
    assert.equal(
      connection.answer(),
      'MESSAGE\nsubscription:0\ndestination:/queue/q\nmessage-id:9007199254740991\npriority:9\n' +
        'timestamp:1700000000000\nexpires:1800000000000\nredelivered:true\ndelivery-count:3\n' +
        'content-length:5\n\nhello^@',
    );
  });

  it('names its own destination when that is not the one subscribed to', () => {
    const connection = connected('1.2');
    connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@');
    connection.broker.deliver(0, { destination: { kind: 'topic', name: 'o:ther' } });
    assert.match(connection.answer(), /\ndestination:\/topic\/o\\cther\n/);
  });

  it('reaches a 1.1 client without the escape that 1.1 does not know', () => {
    const connection = connected('1.1');
    connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/q\nack:client\n\n^@');
    connection.broker.deliver(0, { headers: 'x:1\\r2\\c\\\\r\n' });
    const answer = connection.answer();
    assert.match(answer, /\nx:1\r2\\c\\\\r\n\nhello/);
    assert.doesNotMatch(answer, /\nack:/);
  });

  it('reaches a 1.0 client with plain values that cannot end their line', () => {
    const connection = connected('1.0');
    connection.exchange('SUBSCRIBE\ndestination:/queue/q\n\n^@');
    connection.broker.deliver(0, { headers: 'x:1\\n2\\c3\\\\4\nn\\cm:5\n' });
    const answer = connection.answer();
    assert.match(answer, /^MESSAGE\ndestination:/, 'no subscription without an id');
    assert.match(answer, /\nx:1 2:3\\4\nn\\cm:5\n\nhello/);
  });

  it('larger than a slab arrives whole', () => {
    const connection = connected('1.2');
    connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@');
    const body = 'x'.repeat(300_000);
    for (let count = 0; count < 3; count++) {
      assert.equal(connection.session.writable, true);
      connection.broker.deliver(0, { body });
      const answer = connection.answer();
      assert.ok(answer.endsWith(`content-length:300000\n\n${body}^@`));
    }
  });
});

describe('ACK and NACK', () => {
  const subscribe = 'SUBSCRIBE\nid:s0\ndestination:/queue/q\nack:client-individual\n\n^@';

  for (const [version, frame, call] of [
    ['1.2', 'ACK\nid:0-77\n\n^@', 'ack 0 77 in null'],
    ['1.2', 'NACK\nid:0-77\ntransaction:t\n\n^@', 'nack 0 77 in t'],
    ['1.2', 'ACK\nid:0-77\nreceipt:1\n\n^@', 'ack 0 77 in null (confirm)'],
    ['1.1', 'ACK\nsubscription:s0\nmessage-id:77\n\n^@', 'ack 0 77 in null'],
    ['1.1', 'NACK\nsubscription:s0\nmessage-id:77\n\n^@', 'nack 0 77 in null'],
    ['1.0', 'ACK\nmessage-id: 77\n\n^@', 'ack 0 77 in null'],
    ['1.0', 'ACK\nmessage-id:77\nsubscription:s0\ntransaction:t\n\n^@', 'ack 0 77 in t'],
  ] as const) {
    it(`in ${version}: ${JSON.stringify(frame)}`, () => {
      const connection = connected(version);
      connection.exchange(subscribe);
      connection.broker.takeCalls();
      connection.exchange(frame);
      assert.deepEqual(connection.broker.takeCalls(), [call]);
    });
  }

  for (const [version, frame, message] of [
    ['1.2', 'ACK\nmessage-id:77\n\n^@', 'ACK has no id header'],
    ['1.2', 'ACK\nid:77\n\n^@', 'The id of ACK belongs to no MESSAGE of this connection'],
    ['1.2', 'NACK\nid:5-77\n\n^@', 'The id of NACK belongs to no MESSAGE of this connection'],
    ['1.1', 'ACK\nmessage-id:77\n\n^@', 'ACK has no subscription header'],
    ['1.1', 'ACK\nsubscription:s0\n\n^@', 'ACK has no message-id header'],
    [
      '1.1',
      'ACK\nsubscription:x\nmessage-id:1\n\n^@',
      'The subscription of ACK belongs to no MESSAGE of this connection',
    ],
    ['1.0', 'NACK\nmessage-id:77\n\n^@', 'NACK does not exist in STOMP 1.0'],
  ] as const) {
    it(`in ${version} is refused: ${message}`, () => {
      const connection = connected(version);
      connection.exchange(subscribe);
      assert.equal(errorIn(connection, connection.exchange(frame)), message);
    });
  }

  it('of a subscription that is over is refused', () => {
    const connection = connected('1.1');
    connection.exchange(
      `${subscribe}ACK\nsubscription:s0\nmessage-id:1\n\n^@UNSUBSCRIBE\nid:s0\n\n^@`,
    );
    const answer = connection.exchange('ACK\nsubscription:s0\nmessage-id:2\n\n^@');
    assert.match(errorIn(connection, answer), /^The subscription of ACK/);
  });

  it('of 1.0 without a subscription finds the one that has the message, with one receipt', () => {
    const connection = connected('1.0');
    connection.exchange(
      'SUBSCRIBE\ndestination:/queue/a\nack:client\n\n^@SUBSCRIBE\ndestination:/queue/b\nack:client\n\n^@',
    );
    connection.broker.refuses.set('ack 0 5', refusal('Message 5 was not delivered here.'));
    connection.broker.takeCalls();
    connection.exchange('ACK\nmessage-id:5\nreceipt:r\n\n^@');
    assert.deepEqual(connection.broker.takeCalls(), ['ack 1 5 in null (confirm)']);
    assert.equal(connection.confirm(), 'RECEIPT\nreceipt-id:r\n\n^@');
  });

  it('of 1.0 without a subscription is refused when none has the message', () => {
    const connection = connected('1.0');
    connection.exchange('SUBSCRIBE\ndestination:/queue/a\nack:client\n\n^@');
    connection.broker.refuses.set('ack', refusal('Message 5 was not delivered here.'));
    const answer = connection.exchange('ACK\nmessage-id:5\n\n^@');
    assert.equal(errorIn(connection, answer), 'Message 5 was not delivered here.');
  });
});

describe('Transactions', () => {
  it('are passed on by name, with receipts for BEGIN, COMMIT and ABORT', () => {
    const connection = connected('1.2');
    connection.exchange(
      'BEGIN\ntransaction:t1\nreceipt:1\n\n^@' +
        'SEND\ndestination:/queue/a\ntransaction:t1\n\n^@' +
        'COMMIT\ntransaction:t1\nreceipt:2\n\n^@' +
        'BEGIN\ntransaction:t2\n\n^@ABORT\ntransaction:t2\nreceipt:3\n\n^@',
    );
    assert.deepEqual(connection.broker.takeCalls(), [
      'begin t1',
      'barrier (confirm)',
      'send queue a in t1',
      'commit t1 (confirm)',
      'begin t2',
      'rollback t2 (confirm)',
    ]);
    assert.equal(
      connection.confirm(),
      [1, 2, 3].map((id) => `RECEIPT\nreceipt-id:${id}\n\n^@`).join(''),
    );
  });

  it('need a name', () => {
    const connection = connected('1.2');
    const answer = connection.exchange('BEGIN\n\n^@');
    assert.equal(errorIn(connection, answer), 'BEGIN has no transaction header');
  });
});

describe('The end of a connection', () => {
  it('DISCONNECT is confirmed by the last frame, after everything before it', () => {
    const connection = connected('1.2');
    connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/a\n\n^@');
    connection.exchange(
      'SEND\ndestination:/queue/a\nreceipt:1\n\n^@DISCONNECT\nreceipt:2\n\n^@SEND\ngarbage',
    );
    connection.broker.deliver(0, {});
    assert.equal(connection.session.writable, false);
    assert.equal(connection.socket.ended, false);
    assert.equal(connection.confirm(), 'RECEIPT\nreceipt-id:1\n\n^@RECEIPT\nreceipt-id:2\n\n^@');
    assert.equal(connection.socket.ended, true);
    assert.equal(connection.broker.takeCalls().at(-1), 'close');
  });

  it('DISCONNECT without a receipt closes at once', () => {
    const connection = connected('1.2');
    assert.equal(connection.exchange('DISCONNECT\n\n^@'), '');
    assert.equal(connection.socket.ended, true);
    assert.deepEqual(connection.broker.takeCalls(), ['close']);
  });

  it('what the broker refuses becomes an ERROR with its sentence and the receipt', () => {
    const connection = connected('1.2');
    connection.broker.refuses.set(
      'commit',
      refusal('Transaction t is not open; send BEGIN first.'),
    );
    const answer = connection.exchange('COMMIT\ntransaction:t\nreceipt:r:1\n\n^@');
    assert.equal(
      answer,
      'ERROR\nmessage:Transaction t is not open; send BEGIN first.\ncontent-type:text/plain\n' +
        'error-code:CLIENT_FAILED\nreceipt-id:r\\c1\ncontent-length:45\n\nTransaction t is not open; send BEGIN first.\n^@',
    );
    assert.equal(connection.socket.ended, true);
  });

  it('nothing that comes behind a fault is looked at, and nothing more is confirmed', () => {
    const connection = connected('1.2');
    connection.exchange('SEND\ndestination:/queue/a\nreceipt:1\n\n^@');
    connection.exchange('NONSENSE\n\n^@SEND\ndestination:/queue/a\n\n^@');
    connection.exchange('SEND\ndestination:/queue/a\n\n^@');
    assert.equal(connection.broker.sent.length, 1);
    assert.equal(connection.confirm(), '');
  });

  it('the broker can end it with a reason', () => {
    const connection = connected('1.2');
    connection.broker.events?.abort('The topic backlog is full.');
    assert.equal(connection.broker.takeCalls().length, 0, 'not called back synchronously');
    assert.equal(errorIn(connection, connection.answer()), 'The topic backlog is full.');
    assert.deepEqual(connection.broker.takeCalls(), ['close']);
  });

  it('a client that does not close is cut off after a while, and everybody is told once', () => {
    const connection = connected('1.2');
    connection.exchange('DISCONNECT\n\n^@');
    connection.clock.advance(4_900);
    assert.equal(connection.socket.destroyed, false);
    connection.clock.advance(200);
    assert.equal(connection.socket.destroyed, true);
    assert.equal(connection.closedCount, 1);
    assert.equal(connection.clock.timerCount, 0);
  });

  it('a lost connection leaves no timer and tells the broker', () => {
    const connection = connected('1.2', 'heart-beat:400,400\n');
    connection.socket.destroy();
    assert.equal(connection.clock.timerCount, 0);
    assert.deepEqual(connection.broker.takeCalls(), ['close']);
    assert.equal(connection.closedCount, 1);
  });

  it('a confirmation out of order stops the process rather than confirm the wrong frame (P1)', () => {
    const connection = connected('1.2');
    const send = 'SEND\ndestination:/queue/a\nreceipt:1\n\n^@';
    connection.exchange(send + send);
    const second = connection.broker.tokens[1];
    assert.throws(() => connection.broker.events?.confirmed(second));
  });
});
