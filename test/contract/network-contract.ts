/**
 * What every network port promises, told as tests. They run against real sockets, and a simulated
 * network is worth only as much as it passes of them.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { HoldfastError } from '../../src/platform/errors.js';
import type { HostPort, Listener, Network, Socket } from '../../src/platform/ports.js';
import { eventually } from '../support/eventually.js';

/** Two processes that can reach each other. */
export interface NetworkWorld {
  readonly server: Network;
  readonly client: Network;
  /** Where the server may listen; port 0 takes a free one. */
  readonly host: string;
  dispose(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Longer than any test. */
const LONG_MS = 600_000;
/** More than both kernels and the stream's own buffer hold. */
const MUCH_BYTES = 16 * 1024 * 1024;

export function describeNetwork(name: string, makeWorld: () => Promise<NetworkWorld>): void {
  describe(`${name} keeps the network contract`, () => {
    let world: NetworkWorld;
    let listener: Listener;
    let accepted: Socket[];

    beforeEach(async () => {
      world = await makeWorld();
      accepted = [];
      const address = { host: world.host, port: 0 };
      listener = await world.server.listen(address, (socket) => accepted.push(socket));
    });
    afterEach(async () => {
      for (const socket of accepted) socket.destroy();
      await listener.close();
      await world.dispose();
    });

    async function connect(): Promise<{ client: Socket; server: Socket }> {
      const count = accepted.length;
      const client = await world.client.connect(listener.address, CONNECT_TIMEOUT_MS);
      const server = await eventually('the server has the connection', () => accepted[count]);
      return { client, server };
    }

    it('names the real port when any was asked for', () => {
      assert.equal(listener.address.host, world.host);
      assert.ok(listener.address.port > 0);
    });

    it('lets nobody listen where somebody does', async () => {
      const again = world.server.listen(listener.address, () => undefined);
      await assert.rejects(again, hasCode('ADDRESS_IN_USE'));
    });

    it('lets somebody listen where nobody does any more', async () => {
      await listener.close();
      listener = await world.server.listen(listener.address, (socket) => accepted.push(socket));
      await connect();
    });

    it('refuses connections to a port that nobody listens on', async () => {
      await listener.close();
      await assert.rejects(connectTo(world, listener.address), hasCode('CLIENT_FAILED'));
    });

    it('keeps accepted connections when its listener closes', async () => {
      const { client, server } = await connect();
      await listener.close();
      const inbox = new Inbox(server);
      client.write(Buffer.from('still here'));
      await inbox.hasText('still here');
    });

    it('names the other side', async () => {
      const { client, server } = await connect();
      assert.equal(client.remoteAddress, `${listener.address.host}:${listener.address.port}`);
      assert.match(server.remoteAddress, /^.+:\d+$/);
    });

    it('brings what was written in its order, both ways, however it was cut', async () => {
      const { client, server } = await connect();
      const ofServer = new Inbox(server);
      const ofClient = new Inbox(client);
      const texts = Array.from({ length: 200 }, (_, number) => `${number} ${'x'.repeat(number)};`);
      for (const text of texts) {
        client.write(Buffer.from(text));
        server.write(Buffer.from(`to the client ${text}`));
      }
      await ofServer.hasText(texts.join(''));
      await ofClient.hasText(texts.map((text) => `to the client ${text}`).join(''));
    });

    it('keeps for the receiver what came before it was there', async () => {
      const { client, server } = await connect();
      client.write(Buffer.from('early'));
      const other = await connect();
      const answered = new Inbox(other.client);
      other.server.write(Buffer.from('later'));
      await answered.hasText('later');
      await new Inbox(server).hasText('early');
    });

    it('sends what is buffered before an end, and closes both sides then', async () => {
      const { client, server } = await connect();
      const ofServer = new Inbox(server);
      const ofClient = new Inbox(client);
      const body = Buffer.alloc(300_000, 'b');
      client.write(body);
      client.end();
      client.write(Buffer.from('too late'));
      await ofServer.isClosed();
      await ofClient.isClosed();
      assert.equal(ofServer.text, body.toString());
    });

    it('answers an end with what was written before it was seen', async () => {
      const { client, server } = await connect();
      const ofClient = new Inbox(client);
      const ofServer = new Inbox(server);
      server.write(Buffer.from('the last word'));
      client.end();
      await ofServer.isClosed();
      await ofClient.isClosed();
      assert.equal(ofClient.text, 'the last word');
    });

    it('tells both sides once when one is destroyed', async () => {
      const { client, server } = await connect();
      const ofServer = new Inbox(server);
      const ofClient = new Inbox(client);
      client.destroy();
      client.destroy();
      client.end();
      await ofClient.isClosed();
      await ofServer.isClosed();
      server.destroy();
      server.write(Buffer.from('nobody is there'));
      const { client: next, server: other } = await connect();
      other.write(Buffer.from('a while later'));
      await new Inbox(next).hasText('a while later');
      assert.equal(ofClient.closes, 1);
      assert.equal(ofServer.closes, 1);
    });

    it('tells a receiver that comes after the end of its connection', async () => {
      const { client, server } = await connect();
      server.destroy();
      await new Inbox(server).isClosed();
      await new Inbox(client).isClosed();
      client.destroy();
      await new Inbox(client).isClosed();
    });

    it('reads nothing while reading is paused, and everything afterwards', async () => {
      const { client, server } = await connect();
      const ofServer = new Inbox(server);
      const ofClient = new Inbox(client);
      server.pauseReading();
      client.write(Buffer.from('wait'));
      client.end();
      server.write(Buffer.from('a word of the other side'));
      await ofClient.hasText('a word of the other side');
      assert.equal(ofServer.text, '');
      assert.equal(ofServer.closes, 0);
      server.resumeReading();
      await ofServer.hasText('wait');
      await ofServer.isClosed();
    });

    it('shows what comes first, takes away what was asked for and leaves the rest to the receiver', async () => {
      const { client, server } = await connect();
      const shown: string[] = [];
      const peeked = server.peek((bytes) => {
        const text = Buffer.from(bytes).toString();
        shown.push(text);
        return text.includes(';') ? text.indexOf(';') + 1 : null;
      }, LONG_MS);
      client.write(Buffer.from('who it is'));
      await eventually('the first part is shown', () => shown.includes('who it is'));
      client.write(Buffer.from(';and what '));
      await peeked;
      client.write(Buffer.from('it wants'));
      await new Inbox(server).hasText('and what it wants');
      assert.ok(shown.at(-1)?.startsWith('who it is;'));
    });

    it('leaves everything to the receiver when nothing is taken, or not in time', async () => {
      for (const [answer, limitMs] of [
        [0, LONG_MS],
        [null, 50],
      ] as const) {
        const { client, server } = await connect();
        client.write(Buffer.from('nothing '));
        await server.peek(() => answer, limitMs);
        const ofServer = new Inbox(server);
        client.write(Buffer.from('is lost'));
        client.end();
        await ofServer.hasText('nothing is lost');
        await ofServer.isClosed();
      }
    });

    it('shows nothing more once reading is paused after a look', async () => {
      const { client, server } = await connect();
      const ofClient = new Inbox(client);
      client.write(Buffer.from('wait'));
      await server.peek(() => 0, LONG_MS);
      server.pauseReading();
      const ofServer = new Inbox(server);
      server.write(Buffer.from('a word of the other side'));
      await ofClient.hasText('a word of the other side');
      assert.equal(ofServer.text, '');
      server.resumeReading();
      await ofServer.hasText('wait');
    });

    it('looks no longer at a connection that has ended', async () => {
      for (const beginning of ['', 'half a']) {
        const { client, server } = await connect();
        const peeked = server.peek(() => null, LONG_MS);
        client.write(Buffer.from(beginning));
        client.end();
        await peeked;
        await new Inbox(server).isClosed();
      }
    });

    it('buffers what the other side does not read, and tells when that is gone', async () => {
      const { client, server } = await connect();
      const ofClient = new Inbox(client);
      const ofServer = new Inbox(server, false);
      server.pauseReading();
      assert.equal(client.bufferedBytes, 0);
      for (let count = 0; count < 16; count += 1) client.write(new Uint8Array(MUCH_BYTES / 16));
      assert.ok(client.bufferedBytes > MUCH_BYTES / 4, `${client.bufferedBytes} bytes`);
      assert.equal(ofClient.drains, 0);
      server.resumeReading();
      await eventually('everything is read', () => ofServer.byteCount === MUCH_BYTES);
      await eventually('the writer is told', () => ofClient.drains > 0);
      assert.equal(client.bufferedBytes, 0);
    });

    it('takes small writes without a word about them', async () => {
      const { client, server } = await connect();
      const ofClient = new Inbox(client);
      const ofServer = new Inbox(server);
      client.write(Buffer.from('small'));
      await ofServer.hasText('small');
      assert.equal(client.bufferedBytes, 0);
      assert.equal(ofClient.drains, 0);
    });
  });
}

function connectTo(world: NetworkWorld, address: HostPort): Promise<Socket> {
  return world.client.connect(address, CONNECT_TIMEOUT_MS);
}

class Inbox {
  text = '';
  byteCount = 0;
  drains = 0;
  closes = 0;

  constructor(socket: Socket, keepsText = true) {
    socket.receive({
      onData: (bytes) => {
        assert.equal(this.closes, 0, 'something came after the close');
        this.byteCount += bytes.length;
        if (keepsText) this.text += Buffer.from(bytes).toString('latin1');
      },
      onDrain: () => {
        this.drains += 1;
      },
      onClose: () => {
        this.closes += 1;
      },
    });
  }

  async hasText(text: string): Promise<void> {
    await eventually(`${text.length} bytes come`, () => this.text.length >= text.length);
    assert.equal(this.text, text);
  }

  async isClosed(): Promise<void> {
    await eventually('the connection closes', () => this.closes > 0);
  }
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HoldfastError && error.code === code;
}
