/**
 * Clients where users are required: whatever comes in place of a login, and behind one that is not answered
 * yet, the broker hears of nobody but who is known, and of nothing before.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HoldfastError } from '../../src/platform/errors.js';
import { PROTOCOL_ID, protocolHeader } from '../../src/protocols/amqp/frame-decoder.js';
import { OPEN, SASL_INIT, SASL_RESPONSE } from '../../src/protocols/amqp/performatives.js';
import { parseUsersFile } from '../../src/security/users-file.js';
import { frameOf } from '../support/amqp-frames.js';
import { Peer } from '../unit/protocols/amqp/peer.js';
import { endOfMicrotasks, KnownUser } from '../unit/protocols/shared/known-user.js';
import { Connection } from '../unit/protocols/stomp/connection.js';
import { type ByteEdit, byteEdit, editedBytes } from './stomp-frames.js';
import { defineTarget } from './target.js';

const SASL_FRAME = 1;
const LOGIN = 'u';
const PASSCODE = 'p';

interface Login {
  readonly protocol: 'stomp' | 'amqp';
  readonly parts: readonly Uint8Array[];
  readonly edits: readonly ByteEdit[];
  /** How much comes before the answer to the login may come. */
  readonly early: number;
}

const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

const stompPart = fc.constantFrom(
  ...['u', 'v', ''].map((login) => utf8(`CONNECT\nlogin:${login}\npasscode:p\n\n\0`)),
  utf8('CONNECT\naccept-version:1.2\nlogin:u\npasscode:p\n\n\0'),
  utf8('CONNECT\n\n\0'),
  utf8('SEND\ndestination:/queue/a\n\nbody\0'),
  utf8('SUBSCRIBE\nid:1\ndestination:/queue/a\n\n\0'),
  utf8('DISCONNECT\nreceipt:r\n\n\0'),
  utf8('\n'),
);
const amqpPart = fc.constantFrom(
  protocolHeader(PROTOCOL_ID.sasl),
  protocolHeader(PROTOCOL_ID.amqp),
  ...['\0u\0p', '\0v\0p', 'u\0p', ''].flatMap((text) => [
    frameOf(
      0,
      SASL_INIT,
      { mechanism: 'PLAIN', initialResponse: utf8(text) },
      undefined,
      SASL_FRAME,
    ),
    frameOf(0, SASL_RESPONSE, { response: utf8(text) }, undefined, SASL_FRAME),
  ]),
  frameOf(0, SASL_INIT, { mechanism: 'PLAIN' }, undefined, SASL_FRAME),
  frameOf(0, SASL_INIT, { mechanism: 'ANONYMOUS' }, undefined, SASL_FRAME),
  frameOf(0, OPEN, { containerId: 'me' }),
);

function anyLogin(protocol: Login['protocol'], part: fc.Arbitrary<Uint8Array>) {
  return fc.record<Login>({
    protocol: fc.constant(protocol),
    parts: fc.array(part, { maxLength: 8 }),
    edits: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      fc.array(byteEdit, { maxLength: 3 }),
    ),
    early: fc.nat(400),
  });
}

export const login = defineTarget<Login>({
  name: 'login',
  promise: 'where users are required the broker hears of nobody else, and of nothing before',
  inputsInTests: 500,
  inputs: fc.oneof(anyLogin('stomp', stompPart), anyLogin('amqp', amqpPart)),
  check: async ({ protocol, parts, edits, early }) => {
    const authentication = new KnownUser(LOGIN, PASSCODE);
    const client =
      protocol === 'stomp' ? new Connection({ authentication }) : new Peer({ authentication });
    const { broker, socket, clock } = client;
    authentication.broker = broker;
    let answered = false;
    const asked = authentication.withPassword.bind(authentication);
    authentication.withPassword = async (name, passcode) => {
      const admission = await asked(name, passcode);
      answered ||= admission !== null;
      return admission;
    };
    const bytes = editedBytes(Buffer.concat(parts), edits);
    const push = (some: Uint8Array) => {
      if (some.length > 0 && !socket.destroyed) socket.push(some);
    };
    push(bytes.subarray(0, early));
    assert.equal(broker.describe, '', 'the broker heard of a client before it was known');
    await endOfMicrotasks();
    push(bytes.subarray(early));
    await endOfMicrotasks();
    if (!answered) assert.equal(broker.describe, '', 'the broker heard of an unknown client');
    socket.destroy();
    clock.advance(10_000);
    await endOfMicrotasks();
    assert.equal(client.closedCount, 1, 'closed once');
    assert.equal(clock.timerCount, 0, 'a timer is left');
  },
});

const SAMPLE = `unknownUsersKey: ${'A'.repeat(44)}
roles:
  r:
    - { address: orders.>, allow: [consume, send] }
users:
  bob:
    roles: [r]
    scrypt: N=1024 r=8 p=1 salt=${'A'.repeat(22)}== hash=${'A'.repeat(43)}=
    scramSha256: i=4096 salt=${'A'.repeat(22)}== stored=${'A'.repeat(43)}= server=${'A'.repeat(43)}=
`;

export const usersFile = defineTarget<readonly ByteEdit[]>({
  name: 'users-file',
  promise: 'a users file is understood as a whole, or refused with its name and without secrets',
  inputsInTests: 500,
  inputs: fc.array(byteEdit, { maxLength: 4 }),
  check: (edits) => {
    const text = new TextDecoder().decode(editedBytes(utf8(SAMPLE), edits));
    try {
      const { users, roles } = parseUsersFile(text, 'users.yaml');
      for (const user of users.values()) {
        for (const role of user.roles) assert.ok(roles.has(role), `no role ${role}`);
      }
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.match(error.message, /^users\.yaml/);
      assert.doesNotMatch(error.message, /[A-Za-z0-9+/=]{20}/);
    }
  },
});
