import assert from 'node:assert/strict';
import { join } from 'node:path/posix';
import { describe, it } from 'node:test';
import type { HostPort, Socket } from '../../../src/platform/ports.js';
import { SimulatedProcess } from '../kernel/process.js';
import { STORAGE_KINDS } from '../storage/shared-storage.js';
import { profileOf, RESTART_AFTER_MS, SmallCluster } from './small-cluster.js';

/** Those on which two hosts see each other's locks. */
const SOUND_KINDS = STORAGE_KINDS.filter((kind) => kind !== 'nfs4-local-locks');

/** A killed process's locks go within this on NFS; then the backup has to poll and to take over. */
const TAKEOVER_LIMIT_MS = 2_000;

describe('a simulated cluster', () => {
  for (const kind of SOUND_KINDS) {
    it(`on ${kind} comes up with one live node and one backup`, async () => {
      const cluster = await SmallCluster.start(1, kind);
      const { live, backup } = await cluster.untilPair();
      await cluster.runFor(10_000);
      assert.deepEqual([live.knownRole, live.epoch, live.run], ['live', 1, 1]);
      assert.deepEqual([backup.knownRole, backup.run], ['backup', 1]);
    });
  }

  it('on a mount that shares no locks serves with one node, and the other says why it refuses', async () => {
    const cluster = await SmallCluster.start(1, 'nfs4-local-locks');
    await cluster.until('a node is live', () => cluster.live !== null, 5_000);
    const live = cluster.live;
    const other = cluster.supervisor.nodes.find((node) => node !== live);
    await cluster.until('the other has ended', () => other?.isAlive === false, 10_000);
    assert.equal(other?.end?.exitCodeReason, 'LOCK_NOT_SHARED');
    await cluster.runFor(10_000);
    assert.equal(cluster.live, live);
    assert.ok(cluster.supervisor.restarts > 2, 'the supervisor tries again and again');
  });

  it('has another live node soon after the first was killed, which comes back as a backup', async () => {
    const cluster = await SmallCluster.start(2);
    const { live, backup } = await cluster.untilPair();
    live.kill();
    await cluster.until('the backup is live', () => cluster.live === backup, TAKEOVER_LIMIT_MS);
    assert.equal(cluster.supervisor.restarts, 0);
    const again = await cluster.untilPair(RESTART_AFTER_MS + 1_000);
    assert.deepEqual([again.live, again.backup.name, again.backup.run], [backup, live.name, 2]);
  });

  it('hands over when the store says so', async () => {
    const cluster = await SmallCluster.start(3);
    const { live, backup } = await cluster.untilPair();
    await cluster.runFor(3_000);
    await cluster.requestHandover('first', backup.name);
    await cluster.until('the backup is live', () => cluster.live === backup, 5_000);
    await cluster.until('the other is its backup', () => live.knownRole === 'backup', 1_000);
    const outcome = await cluster.handoverOutcome('first');
    assert.equal(outcome?.accepted, true, outcome?.reason);
    assert.equal(backup.epoch, 2);
  });

  it('hands over when the live node is told to stop, which is then started again', async () => {
    const cluster = await SmallCluster.start(4);
    const { live, backup } = await cluster.untilPair();
    await cluster.runFor(3_000);
    live.stop();
    await cluster.until('the backup is live', () => cluster.live === backup, 5_000);
    assert.deepEqual([live.isAlive, live.end?.exitCodeReason], [false, null]);
    await cluster.untilPair(RESTART_AFTER_MS + 2_000);
  });

  it('outlives the power of its live host, once the lease of that host is over', async () => {
    const cluster = await SmallCluster.start(5);
    const { live, backup } = await cluster.untilPair();
    const { leaseMs } = profileOf('nfs4');
    live.host.powerOff();
    await cluster.runFor(leaseMs - 1_000);
    assert.equal(cluster.live, null);
    // Maybe in another run: what the dead host was lent is called back for longer than this store may stall.
    await cluster.until('the backup is live', () => cluster.live?.name === backup.name, 20_000);
    await cluster.runFor(2_000);
    assert.equal(cluster.supervisor.node(live.name).run, 1, 'a host without power starts nothing');
    live.host.boot();
    const again = await cluster.untilPair();
    assert.equal(again.backup.host, live.host);
  });

  it('loses a live node that is cut off from the storage, and gets it back after the heal', async () => {
    const cluster = await SmallCluster.start(6);
    const { live, backup } = await cluster.untilPair();
    cluster.storage.cutOff(live.host.name, 'both');
    await cluster.until('the backup is live', () => cluster.live === backup, 30_000);
    await cluster.until('the other has ended', () => !live.isAlive, 1);
    cluster.storage.heal(live.host.name);
    await cluster.untilPair(60_000);
    assert.equal(cluster.live, backup);
  });

  it('has a live node that delivers nothing while it cannot reach the storage, and goes on when it can', async () => {
    const cluster = await SmallCluster.start(14);
    const { live } = await cluster.untilPair();
    const { freshMs, storeStallLimitMs } = live.config.ownership;
    const port = Number(live.config.stomp.listen.split(':')[1]);
    const client = await RawClient.connect(cluster, { host: live.host.name, port });
    client.write('SEND\ndestination:/queue/q\nreceipt:1\n\nhello\0');
    await cluster.until('it is stored', () => client.received.includes('RECEIPT'), 1_000);
    cluster.storage.cutOff(live.host.name, 'both');
    await cluster.runFor(freshMs);
    client.write('SUBSCRIBE\nid:0\ndestination:/queue/q\n\n\0');
    const newcomer = await RawClient.begin(cluster, { host: live.host.name, port });
    await cluster.runFor((storeStallLimitMs - freshMs) / 2);
    assert.doesNotMatch(client.received, /MESSAGE/);
    assert.equal(newcomer.received, '', 'a new client waits, or tries another node');
    cluster.storage.heal(live.host.name);
    await cluster.until('it is delivered', () => client.received.includes('MESSAGE'), 5_000);
    await newcomer.untilConnected();
    assert.deepEqual([cluster.live, live.epoch], [live, 1]);
  });

  it('has a live node that serves while files of a dead host cannot be opened, and hands over when told to stop', async () => {
    const cluster = await SmallCluster.start(18);
    const { live, backup } = await cluster.untilPair();
    const { storeStallLimitMs, statusIntervalMs } = live.config.ownership;
    const deadFile = join(cluster.layout.nodesDirectory, 'dead');
    const other = cluster.storage.fileSystemOf(
      new SimulatedProcess(cluster.scheduler, 'dead', 1),
      'h',
    );
    await cluster.result(other.open(deadFile, 'create'));
    let hanging = 0;
    cluster.faultOf = ({ process, path }) => {
      if (process !== live.process || path !== deadFile) return null;
      hanging += 1;
      return { kind: 'delay', delayMs: 10 * storeStallLimitMs };
    };
    await cluster.runFor(3 * storeStallLimitMs);
    assert.deepEqual([cluster.live, live.epoch, hanging], [live, 1, 1]);
    live.stop();
    const limitMs = 2 * statusIntervalMs + TAKEOVER_LIMIT_MS;
    await cluster.until('the backup is live', () => cluster.live === backup, limitMs);
    assert.deepEqual([live.isAlive, live.end?.exitCodeReason], [false, null]);
  });

  it('loses a live node whose ownership checks all take longer than they are good for', async () => {
    const cluster = await SmallCluster.start(15);
    const { live, backup } = await cluster.untilPair();
    const { freshMs, storeStallLimitMs } = live.config.ownership;
    const { epochsDirectory } = cluster.layout;
    cluster.faultOf = ({ process, operation, path }) =>
      process === live.process && operation === 'list' && path === epochsDirectory
        ? { kind: 'delay', delayMs: freshMs }
        : null;
    await cluster.runFor(storeStallLimitMs - freshMs);
    assert.equal(cluster.live, live);
    await cluster.until('it has ended', () => !live.isAlive, 3 * freshMs);
    assert.equal(live.end?.exitCodeReason, 'STORE_STALLED');
    await cluster.until('the backup is live', () => cluster.live === backup, TAKEOVER_LIMIT_MS);
  });

  it('keeps a backup that the file server gave up while it was cut off', async () => {
    const cluster = await SmallCluster.start(16);
    const { live, backup } = await cluster.untilPair();
    cluster.storage.cutOff(backup.host.name, 'both');
    await cluster.runFor(profileOf('nfs4').leaseMs);
    const other = cluster.storage.fileSystemOf(
      new SimulatedProcess(cluster.scheduler, 'flock', 1),
      'h',
    );
    const statusFile = join(cluster.layout.nodesDirectory, backup.name);
    const file = await cluster.result(other.open(statusFile, 'update'));
    assert.equal(await cluster.result(file.tryLockExclusive()), true);
    await cluster.result(file.close());
    cluster.storage.heal(backup.host.name);
    await cluster.runFor(15_000);
    assert.deepEqual([cluster.live, live.epoch, backup.isAlive], [live, 1, true]);
    live.kill();
    await cluster.until('the backup is live', () => cluster.live === backup, TAKEOVER_LIMIT_MS);
  });

  it('ends a backup whose status file cannot be written at all', async () => {
    const cluster = await SmallCluster.start(17);
    const { live, backup } = await cluster.untilPair();
    const statusFile = join(cluster.layout.nodesDirectory, backup.name);
    cluster.faultOf = ({ process, operation, path }) =>
      process === backup.process && operation === 'sync' && path === statusFile
        ? { kind: 'error', errno: 'EIO' }
        : null;
    await cluster.until('it has ended', () => !backup.isAlive, 5_000);
    assert.equal(backup.end?.exitCodeReason, 'JOURNAL_IO_FAILED');
    assert.equal(cluster.live, live);
  });

  it('does not start a node that is held down, until it is let up', async () => {
    const cluster = await SmallCluster.start(7);
    const { live } = await cluster.untilPair();
    cluster.supervisor.holdDown(live.name);
    live.kill();
    await cluster.runFor(3 * RESTART_AFTER_MS);
    assert.equal(cluster.supervisor.node(live.name), live);
    cluster.supervisor.letUp(live.name);
    await cluster.untilPair();
  });

  it('is the same for the same seed, line by line', async () => {
    const [first, again, other] = [
      await eventfulRun(8),
      await eventfulRun(8),
      await eventfulRun(9),
    ];
    assert.ok(first.length > 20, `${first.length} lines`);
    assert.deepEqual(again, first);
    assert.notDeepEqual(other, first);
  });
});

/** It writes what a test says, and keeps what comes. */
class RawClient {
  received = '';
  readonly write: (text: string) => void;
  readonly #cluster: SmallCluster;

  private constructor(cluster: SmallCluster, socket: Socket) {
    this.#cluster = cluster;
    this.write = (text) => void socket.write(Buffer.from(text));
    socket.receive({
      onData: (bytes) => {
        this.received += Buffer.from(bytes).toString();
      },
      onDrain: () => undefined,
      onClose: () => undefined,
    });
    socket.resumeReading();
  }

  static async connect(cluster: SmallCluster, address: HostPort): Promise<RawClient> {
    const client = await RawClient.begin(cluster, address);
    await client.untilConnected();
    return client;
  }

  /** It has asked to be connected. */
  static async begin(cluster: SmallCluster, address: HostPort): Promise<RawClient> {
    const process = new SimulatedProcess(cluster.scheduler, 'client', 1);
    const network = cluster.network.portOf(process, 'client');
    const client = new RawClient(cluster, await cluster.result(network.connect(address, 1_000)));
    client.write('CONNECT\naccept-version:1.2\nhost:q\n\n\0');
    return client;
  }

  async untilConnected(): Promise<void> {
    const isConnected = (): boolean => this.received.includes('CONNECTED');
    await this.#cluster.until('it is connected', isConnected, 1_000);
  }
}

/** The trace of a run with a kill, a pause and a power cut in it. */
async function eventfulRun(seed: number): Promise<string[]> {
  const lines: string[] = [];
  const cluster = await SmallCluster.start(seed, 'nfs4', (line) => lines.push(line));
  const { live } = await cluster.untilPair();
  live.kill();
  const { backup } = await cluster.untilPair();
  backup.pause(700);
  await cluster.runFor(1_500);
  cluster.host('a').powerOff();
  await cluster.runFor(15_000);
  cluster.host('a').boot();
  await cluster.untilPair(30_000);
  return lines;
}
