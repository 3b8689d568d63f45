import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { hostOf } from '../../../src/config/address.js';
import { ClientGate, type ClientGateOptions } from '../../../src/node/client-gate.js';
import { originLine } from '../../../src/node/client-origin.js';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeCryptography } from '../../../src/platform/node/cryptography.js';
import { NodeNetwork } from '../../../src/platform/node/network.js';
import type { HostPort, Listener, Socket } from '../../../src/platform/ports.js';

const HERE: HostPort = { host: '127.0.0.1', port: 0 };
const network = new NodeNetwork((error) => assert.fail(String(error)));
const ORIGIN_KEY = '0f'.repeat(32);
const ignore = (): void => undefined;
let onDebug: () => void = ignore;
const logger = { debug: () => onDebug(), info: ignore, warn: ignore, error: ignore };

/** Closes whatever a test opened. */
const closers: (() => void)[] = [];
let gate: ClientGate;
let listener: Listener;
let served: Socket[];
let isSure: boolean;
/** HOST:PORT of the client that the other gate does not serve. */
let heldOff: string | null = null;

beforeEach(async () => {
  served = [];
  isSure = true;
  heldOff = null;
  onDebug = ignore;
  gate = new ClientGate({
    network,
    clock: nodeClock,
    logger,
    cryptography: nodeCryptography,
    originKey: ORIGIN_KEY,
    limitReached: () => (gate.connections < 3 ? null : 'its 3 connections (stomp.maxConnections)'),
    isSure: () => isSure,
    serve: (socket, onClosed) => {
      served.push(socket);
      echo(socket, 'here:', onClosed);
    },
    refuse: (socket, reason) => {
      socket.write(new TextEncoder().encode(reason));
      socket.end();
    },
  });
  listener = await network.listen(HERE, (socket) => gate.accept(socket));
});

afterEach(async () => {
  // Whoever still waits would be tried again for half a minute.
  isSure = true;
  gate.openHere();
  gate.destroyAll();
  for (const close of closers.splice(0)) close();
  await listener.close();
});

function echo(socket: Socket, prefix: string, onClosed: () => void): void {
  socket.receive({
    onData: (bytes) => socket.write(Buffer.from(prefix + Buffer.from(bytes).toString())),
    onDrain: () => undefined,
    onClose: onClosed,
  });
  socket.resumeReading();
}

/** Another node, which answers with its name. */
async function startLive(name: string): Promise<{ address: HostPort; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const live = await network.listen(HERE, (socket) => {
    sockets.push(socket);
    closers.push(() => socket.destroy());
    echo(socket, `${name}:`, () => undefined);
  });
  closers.push(() => void live.close());
  return { address: live.address, sockets };
}

class Client {
  readonly socket: net.Socket;
  text = '';
  isClosed = false;
  #changed: () => void = () => undefined;

  constructor({ port }: HostPort) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('data', (bytes) => {
      this.text += bytes;
      this.#changed();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
      this.#changed();
    });
    closers.push(() => this.socket.destroy());
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      assert.ok(!this.isClosed, `closed after ${this.text.slice(0, 100)}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  send(text: string): void {
    this.socket.write(text);
  }
}

async function connect(to = listener.address): Promise<Client> {
  const client = new Client(to);
  await once(client.socket, 'connect');
  return client;
}

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}

test('on the live node a client is served', async () => {
  gate.openHere();
  const client = await connect();
  client.send('hello');
  await client.until(() => client.text === 'here:hello');
  assert.equal(gate.connections, 1);
  client.socket.end();
  await eventually(() => gate.connections === 0);
});

test('a client that came before anybody was live is served once this node is, with all it sent', async () => {
  const client = await connect();
  client.send('early');
  await eventually(() => gate.connections === 1);
  assert.equal(served.length, 0);
  gate.openHere();
  await client.until(() => client.text === 'here:early');
});

test('a new client waits while this node is not sure to own the store, and whoever is served stays', async () => {
  gate.openHere();
  const before = await connect();
  before.send('1');
  await before.until(() => before.text === 'here:1');
  isSure = false;
  const client = await connect();
  client.send('new');
  await eventually(() => gate.connections === 2);
  before.send('2');
  await before.until(() => before.text === 'here:1here:2');
  assert.deepEqual([client.text, served.length], ['', 1]);
  isSure = true;
  await client.until(() => client.text === 'here:new');
});

test('on a backup a client is passed through to the live node, both ways', async () => {
  const live = await startLive('live');
  gate.openElsewhere({ address: live.address });
  const client = await connect();
  client.send('hello');
  await client.until(() => client.text === 'live:hello');
  assert.equal(served.length, 0);
});

test('large transfers pass through whole, to a client that reads slowly', async () => {
  const live = await startLive('live');
  gate.openElsewhere({ address: live.address });
  const client = await connect();
  client.send('x');
  await client.until(() => client.text === 'live:x');
  client.socket.pause();
  const bytes = 8 * 1024 * 1024;
  for (let sent = 0; sent < bytes; sent += 64 * 1024) {
    live.sockets[0]?.write(new Uint8Array(64 * 1024).fill(0x61));
  }
  client.socket.resume();
  await client.until(() => client.text.length === bytes + 6);
});

test('when either side closes, so does the other', async () => {
  const live = await startLive('live');
  gate.openElsewhere({ address: live.address });
  const [one, two] = [await connect(), await connect()];
  one.send('1');
  await one.until(() => one.text === 'live:1');
  two.send('2');
  await two.until(() => two.text === 'live:2');
  live.sockets[0]?.destroy();
  await one.until(() => one.isClosed);
  two.socket.end();
  await eventually(() => gate.connections === 0);
});

test('a client waits while the live node cannot be reached, and gets to the next one', async () => {
  const gone = await network.listen(HERE, () => undefined);
  await gone.close();
  gate.openElsewhere({ address: gone.address });
  const hasFailed = new Promise<void>((resolve) => {
    onDebug = resolve;
  });
  const client = await connect();
  client.send('patient');
  const live = await startLive('next');
  await hasFailed;
  gate.openElsewhere({ address: live.address });
  await client.until(() => client.text === 'next:patient');
});

test('clients of the last live node are cut off when another one is live', async () => {
  const [first, second] = [await startLive('first'), await startLive('second')];
  gate.openElsewhere({ address: first.address });
  const client = await connect();
  client.send('1');
  await client.until(() => client.text === 'first:1');
  gate.openElsewhere({ address: second.address });
  await client.until(() => client.isClosed);
  const again = await connect();
  again.send('2');
  await again.until(() => again.text === 'second:2');
});

test('the same live node told again changes nothing', async () => {
  const live = await startLive('live');
  gate.openElsewhere({ address: live.address });
  const client = await connect();
  client.send('1');
  await client.until(() => client.text === 'live:1');
  gate.openElsewhere({ address: { ...live.address } });
  client.send('2');
  await client.until(() => client.text === 'live:1live:2');
});

test('clients passed through to a hung node are cut off when this node becomes live', async () => {
  const live = await startLive('hung');
  gate.openElsewhere({ address: live.address });
  const client = await connect();
  client.send('1');
  await client.until(() => client.text === 'hung:1');
  gate.openHere();
  await client.until(() => client.isClosed);
});

test('while this node takes over new clients wait, and the node before may answer those it has', async () => {
  const live = await startLive('before');
  gate.openElsewhere({ address: live.address });
  const old = await connect();
  old.send('1');
  await old.until(() => old.text === 'before:1');
  gate.hold();
  const young = await connect();
  young.send('2');
  old.send('3');
  await old.until(() => old.text === 'before:1before:3');
  assert.equal(live.sockets.length, 1);
  gate.openHere();
  await young.until(() => young.text === 'here:2');
  await old.until(() => old.isClosed);
});

test('above its limit a node refuses clients with the reason, and takes them again below it', async () => {
  gate.openHere();
  const clients = [await connect(), await connect(), await connect()];
  for (const client of clients) {
    client.send('x');
    await client.until(() => client.text === 'here:x');
  }
  const refused = await connect();
  await refused.until(() => refused.isClosed);
  assert.match(refused.text, /its 3 connections \(stomp\.maxConnections\)/);
  clients[0]?.socket.end();
  await eventually(() => gate.connections === 2);
  const taken = await connect();
  taken.send('y');
  await taken.until(() => taken.text === 'here:y');
});

test('a graceful close sends what is buffered; new clients wait', async () => {
  gate.openHere();
  const client = await connect();
  client.send('x');
  await client.until(() => client.text === 'here:x');
  served[0]?.write(Buffer.from('the last words'));
  gate.close(true);
  await client.until(() => client.isClosed);
  assert.equal(client.text, 'here:xthe last words');
  const next = await connect();
  next.send('z');
  await eventually(() => gate.connections === 1);
  assert.equal(served.length, 1);
});

/** The gate that clients are passed through to, with what it serves. */
async function startLiveGate(
  options: Partial<ClientGateOptions> = {},
): Promise<{ address: HostPort; served: Socket[] }> {
  const served: Socket[] = [];
  const live = new ClientGate({
    network,
    clock: nodeClock,
    logger,
    cryptography: nodeCryptography,
    originKey: ORIGIN_KEY,
    limitReached: () => null,
    isSure: () => true,
    holdsOff: (socket) => {
      if (socket.remoteAddress !== heldOff) return false;
      socket.destroy();
      return true;
    },
    serve: (socket, onClosed) => {
      served.push(socket);
      echo(socket, 'live:', onClosed);
    },
    refuse: ignore,
    ...options,
  });
  live.openHere();
  const { address, close } = await network
    .listen(HERE, (socket) => live.accept(socket))
    .then((made) => ({ address: made.address, close: () => made.close() }));
  closers.push(() => {
    live.destroyAll();
    void close();
  });
  return { address, served };
}

test('the live node knows the address of a client that a backup passes through', async () => {
  const live = await startLiveGate();
  gate.openElsewhere({ address: live.address, originKey: ORIGIN_KEY });
  const client = await connect();
  client.send('hello');
  await client.until(() => client.text === 'live:hello');
  const { address, port } = client.socket.address() as net.AddressInfo;
  assert.equal(live.served[0]?.remoteAddress, `${address}:${port}`);
});

test('a backup that does not know the live node tells an address that is not believed', async () => {
  const live = await startLiveGate();
  for (const originKey of [undefined, 'ab'.repeat(32)]) {
    gate.openElsewhere({ address: live.address, originKey });
    const client = await connect();
    client.send('hello');
    await client.until(() => client.text === 'live:hello');
    const { address, port } = client.socket.address() as net.AddressInfo;
    assert.notEqual(live.served.at(-1)?.remoteAddress, `${address}:${port}`);
  }
});

test('a client of an IPv6 address is told as well', async () => {
  gate.openHere();
  for (const address of ['[2001:db8::7]:4711', '[fe80::1%eth0]:4711', '[::ffff:10.0.0.7]:4711']) {
    const client = await connect();
    client.socket.write(originLine(address, ORIGIN_KEY, nodeCryptography));
    client.send('hello');
    await client.until(() => client.text === 'here:hello');
    assert.equal(served.at(-1)?.remoteAddress, address);
    client.socket.destroy();
  }
});

test('the line that tells a client may come in pieces, and while nobody is live', async () => {
  const client = await connect();
  client.socket.setNoDelay(true);
  for (const byte of originLine('10.0.0.7:4711', ORIGIN_KEY, nodeCryptography)) {
    client.socket.write(Buffer.of(byte));
  }
  client.send('hello');
  await eventually(() => gate.connections === 1);
  gate.openHere();
  await client.until(() => client.text === 'here:hello');
  assert.equal(served[0]?.remoteAddress, '10.0.0.7:4711');
});

test('a line without an end is for whoever serves the client', async () => {
  gate.openHere();
  const client = await connect();
  const text = `HOLDFAST-CLIENT ${'x'.repeat(400)}`;
  client.send(text);
  await client.until(() => client.text === `here:${text}`);
});

test('who is held off is told apart from others behind the same backup', async () => {
  const live = await startLiveGate();
  gate.openElsewhere({ address: live.address, originKey: ORIGIN_KEY });
  const guesser = await connect();
  const { address, port } = guesser.socket.address() as net.AddressInfo;
  heldOff = `${address}:${port}`;
  guesser.send('guess');
  const client = await connect();
  client.send('hello');
  await client.until(() => client.text === 'live:hello');
  await guesser.until(() => guesser.isClosed);
  assert.equal(live.served.length, 1);
});

test('a backup on a host that floods the live node brings its clients in, and nobody else comes in from there', async () => {
  let held: (() => void)[] = [];
  const live = await startLiveGate({
    holdsOff: (socket, afterwards) => {
      if (hostOf(socket.remoteAddress) !== '127.0.0.1') return false;
      held.push(afterwards ?? (() => socket.destroy()));
      return true;
    },
  });
  const lineOf = (key: string): Uint8Array => originLine('10.0.0.7:4711', key, nodeCryptography);
  const come = async (line: Uint8Array): Promise<Client> => {
    const client = await connect(live.address);
    client.socket.write(line);
    client.send('hello');
    return client;
  };
  const backup = await come(lineOf(ORIGIN_KEY));
  const forger = await come(lineOf('ab'.repeat(32)));
  const guesser = await come(Buffer.from('guess'));
  await eventually(() => held.length === 3);
  assert.equal(live.served.length, 0);
  const before = held;
  held = [];
  for (const afterwards of before) afterwards();
  await backup.until(() => backup.text === 'live:hello');
  await forger.until(() => forger.isClosed);
  await guesser.until(() => guesser.isClosed);

  const next = await come(lineOf(ORIGIN_KEY));
  await next.until(() => next.text === 'live:hello');
  assert.equal(held.length, 0, 'a backup is known by now');
});

test('TLS with a client that finds no place begins after the line that tells of it', async () => {
  let refused = '';
  const live = await startLiveGate({
    limitReached: () => 'its 3 connections (stomp.maxConnections)',
    tls: { secure: (socket) => Promise.resolve(socket) },
    refuse: (socket, reason) => {
      socket.receive({
        onData: (bytes) => {
          refused += Buffer.from(bytes).toString();
          socket.write(Buffer.from(reason));
        },
        ...{ onDrain: ignore, onClose: ignore },
      });
      socket.resumeReading();
    },
  });
  gate.openElsewhere({ address: live.address, originKey: ORIGIN_KEY });
  const client = await connect();
  client.send('hello');
  await client.until(() => client.text.includes('maxConnections'));
  assert.equal(refused, 'hello');
});
