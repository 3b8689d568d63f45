import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError } from '../../../src/platform/errors.js';
import type { Network, Socket } from '../../../src/platform/ports.js';
import { SimulatedProcess } from '../kernel/process.js';
import { SeededRandom } from '../kernel/random.js';
import { Scheduler } from '../kernel/scheduler.js';
import { Trace } from '../kernel/trace.js';
import { SimulatedNetwork } from './simulated-network.js';

const ADDRESS = { host: 'b', port: 61_613 };

/** A server on host b, a client on host a, and one connection of theirs. */
class Rig {
  readonly scheduler = new Scheduler();
  readonly network: SimulatedNetwork;
  readonly seen: string[] = [];
  server: SimulatedProcess;
  readonly client: SimulatedProcess;
  readonly clientPort: Network;
  ofServer!: Socket;
  ofClient!: Socket;

  constructor(seed = 1) {
    const { scheduler } = this;
    const trace = new Trace(scheduler, null);
    this.network = new SimulatedNetwork({
      scheduler,
      random: new SeededRandom(seed, 'network'),
      trace,
    });
    this.client = new SimulatedProcess(scheduler, 'client', 1);
    this.clientPort = this.network.portOf(this.client, 'a');
    this.server = new SimulatedProcess(scheduler, 'server', 1);
    void this.serve(this.server);
  }

  static async connected(seed = 1): Promise<Rig> {
    const rig = new Rig(seed);
    await rig.run(10);
    const connecting = rig.clientPort.connect(ADDRESS, 1_000);
    await rig.run(10);
    rig.ofClient = await connecting;
    rig.watch('client', rig.ofClient);
    return rig;
  }

  async serve(process: SimulatedProcess): Promise<void> {
    await this.network.portOf(process, 'b').listen(ADDRESS, (socket) => {
      this.ofServer = socket;
      this.watch('server', socket);
    });
  }

  watch(who: string, socket: Socket): void {
    socket.receive({
      onData: (bytes) => this.note(`${who} gets ${Buffer.from(bytes).toString()}`),
      onDrain: () => this.note(`${who} drains`),
      onClose: () => this.note(`${who} closes`),
    });
  }

  note(what: string): void {
    this.seen.push(what);
  }

  run(forMs: number): Promise<void> {
    const untilMs = this.scheduler.nowMs + forMs;
    this.scheduler.schedule(forMs, () => undefined);
    return this.scheduler.run(() => false, untilMs);
  }

  /** What was seen since the last call. */
  take(): string[] {
    return this.seen.splice(0);
  }

  /** How an attempt to connect ends. */
  async outcomeOfConnect(timeoutMs: number): Promise<{ text: string; afterMs: number }> {
    const startedAtMs = this.scheduler.nowMs;
    const outcome = this.clientPort.connect(ADDRESS, timeoutMs).then(
      () => ({ text: 'connected', afterMs: this.scheduler.nowMs - startedAtMs }),
      (error: unknown) => {
        assert.ok(error instanceof HoldfastError && error.code === 'CLIENT_FAILED');
        return { text: error.message, afterMs: this.scheduler.nowMs - startedAtMs };
      },
    );
    await this.run(timeoutMs + 10);
    return outcome;
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('a cut in the simulated network', () => {
  it('holds back what is written, in both directions, until it is healed', async () => {
    const rig = await Rig.connected();
    rig.network.cut('a', 'b', 'both');
    rig.ofClient.write(bytes('one'));
    rig.ofServer.write(bytes('two'));
    await rig.run(5_000);
    assert.deepEqual(rig.take(), []);
    rig.network.heal('a', 'b');
    await rig.run(2_000);
    assert.deepEqual(rig.take().sort(), ['client gets two', 'server gets one']);
  });

  it('takes with it what was under way', async () => {
    const rig = await Rig.connected();
    rig.ofClient.write(bytes('under way'));
    rig.network.cut('a', 'b', 'both');
    await rig.run(1_000);
    assert.deepEqual(rig.take(), []);
    rig.network.heal('a', 'b');
    await rig.run(2_000);
    assert.deepEqual(rig.take().join(), 'server gets under way');
  });

  it('one way lets the other way pass', async () => {
    const rig = await Rig.connected();
    rig.network.cut('a', 'b', 'one-way');
    rig.ofClient.write(bytes('one'));
    rig.ofServer.write(bytes('two'));
    await rig.run(1_000);
    assert.deepEqual(rig.take(), ['client gets two']);
  });

  it('ends a connection that has waited for too long, and only that', async () => {
    const rig = await Rig.connected();
    rig.network.cut('a', 'b', 'both');
    rig.ofClient.write(bytes('never'));
    await rig.run(20_000);
    assert.deepEqual(rig.take(), ['client closes']);
    rig.network.heal('a', 'b');
    await rig.run(5_000);
    assert.deepEqual(rig.take(), []);
    rig.ofServer.write(bytes('is anybody there'));
    await rig.run(1_000);
    assert.deepEqual(rig.take(), ['server closes']);
  });

  it('goes unnoticed by a connection on which nothing is said', async () => {
    const rig = await Rig.connected();
    rig.network.cut('a', 'b', 'both');
    await rig.run(60_000);
    rig.network.heal('a', 'b');
    rig.ofClient.write(bytes('hello'));
    await rig.run(1_000);
    assert.equal(rig.take().join(''), 'server gets hello');
  });

  it('lets an attempt to connect run into its limit, or succeed after the heal', async () => {
    const rig = new Rig();
    await rig.run(10);
    rig.network.cut('a', 'b', 'both');
    const failed = await rig.outcomeOfConnect(3_000);
    assert.match(failed.text, /no answer within 3000 ms/);
    rig.scheduler.schedule(2_000, () => rig.network.heal('a', 'b'));
    assert.equal((await rig.outcomeOfConnect(5_000)).text, 'connected');
  });
});

describe('other faults of the simulated network', () => {
  it('a port that nobody listens on refuses at once', async () => {
    const rig = new Rig();
    await rig.run(10);
    rig.server.die();
    const { text, afterMs } = await rig.outcomeOfConnect(3_000);
    assert.match(text, /ECONNREFUSED/);
    assert.ok(afterMs < 100, `${afterMs} ms`);
  });

  it('a host name that nobody has is refused', async () => {
    const rig = new Rig();
    const unknown = rig.clientPort.connect({ host: 'nowhere', port: 1 }, 1_000);
    const refused = assert.rejects(unknown, /ENOTFOUND/);
    await rig.run(10);
    await refused;
  });

  it('a reset ends both sides', async () => {
    const rig = await Rig.connected();
    assert.equal(rig.network.reset('a', 'c'), false);
    assert.equal(rig.network.reset('b', 'a'), true);
    await rig.run(100);
    assert.deepEqual(rig.take().sort(), ['client closes', 'server closes']);
    assert.equal(rig.network.connectionCount, 0);
  });

  it('a delay comes on top of the usual latency', async () => {
    const rig = await Rig.connected();
    rig.network.delay('a', 'b', 500);
    rig.ofClient.write(bytes('slow'));
    await rig.run(499);
    assert.deepEqual(rig.take(), []);
    await rig.run(100);
    assert.deepEqual(rig.take().join(), 'server gets slow');
  });

  it('lost segments come late, and everything stays in order', async () => {
    const rig = await Rig.connected();
    rig.network.drop('a', 'b', 1_000);
    const startedAtMs = rig.scheduler.nowMs;
    for (let number = 0; number < 50; number += 1) rig.ofClient.write(bytes(`${number} `));
    let lastAtMs = 0;
    const whole = (): string => rig.seen.map((line) => line.replace('server gets ', '')).join('');
    const wanted = Array.from({ length: 50 }, (_, number) => `${number} `).join('');
    await rig.scheduler.run(() => whole() === wanted, startedAtMs + 10_000);
    lastAtMs = rig.scheduler.nowMs;
    assert.equal(whole(), wanted);
    assert.ok(lastAtMs - startedAtMs > 200, 'something was lost');
  });
});

describe('the end of a process in the simulated network', () => {
  it('closes its connections: the peer gets what its kernel had taken, and then the end', async () => {
    const rig = await Rig.connected();
    rig.ofServer.write(bytes('the last word'));
    rig.server.die();
    await rig.run(10);
    assert.equal(
      rig.take().join().replaceAll(',client gets ', ''),
      'client gets the last word,client closes',
    );
    assert.equal(rig.network.connectionCount, 0);
  });

  it('loses what only the process had buffered', async () => {
    const rig = await Rig.connected();
    let received = 0;
    rig.ofClient.receive({
      onData: (data) => {
        received += data.length;
      },
      onDrain: () => undefined,
      onClose: () => rig.note('client closes'),
    });
    rig.ofClient.pauseReading();
    for (let count = 0; count < 10; count += 1) rig.ofServer.write(new Uint8Array(50_000));
    const kernelBytes = 500_000 - rig.ofServer.bufferedBytes;
    rig.server.die();
    await rig.run(100);
    rig.ofClient.resumeReading();
    await rig.run(100);
    assert.equal(received, kernelBytes);
    assert.deepEqual(rig.take(), ['client closes']);
  });

  it('frees its ports for the next one', async () => {
    const rig = await Rig.connected();
    rig.server.die();
    rig.server = new SimulatedProcess(rig.scheduler, 'server', 2);
    void rig.serve(rig.server);
    await rig.run(10);
    assert.equal((await rig.outcomeOfConnect(1_000)).text, 'connected');
  });

  it('tells a peer that is cut off only after the heal', async () => {
    const rig = await Rig.connected();
    rig.network.cut('a', 'b', 'both');
    rig.server.die();
    await rig.run(5_000);
    assert.deepEqual(rig.take(), []);
    rig.network.heal('a', 'b');
    await rig.run(2_000);
    assert.deepEqual(rig.take(), ['client closes']);
  });
});

describe('a pause of a process in the simulated network', () => {
  it('lets others connect and write, and it finds all of that when it goes on', async () => {
    const rig = new Rig();
    await rig.run(10);
    rig.server.pause(5_000);
    const { text, afterMs } = await rig.outcomeOfConnect(1_000);
    assert.equal(text, 'connected');
    assert.ok(afterMs < 100);
    await rig.run(5_000);
    assert.notEqual(rig.ofServer, undefined);
  });
});

describe('the power of a host in the simulated network', () => {
  it('goes without a word: connections hang, attempts to connect time out', async () => {
    const rig = await Rig.connected();
    rig.server.die();
    rig.network.powerOffHost('b');
    rig.ofClient.write(bytes('hello'));
    await rig.run(10_000);
    assert.deepEqual(rig.take(), []);
    assert.match((await rig.outcomeOfConnect(1_000)).text, /no answer/);
    await rig.run(10_000);
    assert.deepEqual(rig.take(), ['client closes']);
  });

  it('comes with a kernel that knows no old connection', async () => {
    const rig = await Rig.connected();
    rig.server.die();
    rig.network.powerOffHost('b');
    rig.ofClient.write(bytes('hello'));
    await rig.run(3_000);
    rig.network.bootHost('b');
    await rig.run(2_000);
    assert.deepEqual(rig.take(), ['client closes']);
    assert.match((await rig.outcomeOfConnect(1_000)).text, /ECONNREFUSED/);
  });
});

describe('reading in the simulated network', () => {
  it('gives bytes that are good during the call only', async () => {
    const rig = await Rig.connected();
    const kept: Uint8Array[] = [];
    rig.ofClient.receive({
      onData: (data) => {
        assert.equal(Buffer.from(data).toString()[0], 'x');
        kept.push(data);
      },
      onDrain: () => undefined,
      onClose: () => undefined,
    });
    rig.ofServer.write(bytes('xxx'));
    await rig.run(10);
    assert.ok(kept.length > 0);
    for (const data of kept) assert.ok(data.every((byte) => byte === 0xdb));
  });

  it('brings one write in pieces and several in one, and the same for the same seed', async () => {
    const piecesOf = async (seed: number): Promise<string> => {
      const rig = await Rig.connected(seed);
      for (let number = 0; number < 40; number += 1) {
        rig.ofClient.write(bytes(`<${number}>`));
        if (number % 3 === 0) await rig.run(0.1);
      }
      await rig.run(100);
      return rig.take().join('\n');
    };
    const pieces = await piecesOf(7);
    assert.match(pieces, /<\d+><\d+>/);
    assert.match(pieces, /<\d*\n/);
    assert.equal(await piecesOf(7), pieces);
    assert.notEqual(await piecesOf(8), pieces);
  });
});
