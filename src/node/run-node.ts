/** Puts a node together for real: storage thread, sockets, broker, watchdog. */

import type { Config } from '../config/schema.js';
import { assertSafeFileSystem } from '../doctor/safe-file-system.js';
import { messageOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import { nodeClock, nodeRandom } from '../platform/node/clock.js';
import { readHostIdentity } from '../platform/node/host-identity.js';
import { readMounts } from '../platform/node/mounts.js';
import { NodeNetwork } from '../platform/node/network.js';
import { killThisProcess, type StartedThread, startThread } from '../platform/node/threads.js';
import type { Socket } from '../platform/ports.js';
import { COMMAND } from '../protocols/stomp/commands.js';
import { encodeFrame } from '../protocols/stomp/frame-encoder.js';
import { StompSession } from '../protocols/stomp/session.js';
import { storeLayout } from '../store/layout.js';
import { endAndDiscard } from './client-gate.js';
import { Node, type NodeEnd } from './node.js';
import type { StorageCommand, StorageEvent } from './storage-protocol.js';
import type { StorageThreadData } from './storage-thread.js';
import type { StorageSettings } from './storage-world.js';
import { PULSE, PULSE_BYTES, Watchdog } from './watchdog.js';

/** A thread that still has not ended after this long is stuck in the kernel. */
const THREAD_END_LIMIT_MS = 2_000;

export interface RunNodeOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** As in package.json. */
  readonly version: string;
}

export interface RunningNode {
  /** Hands over when live and a backup is ready, then ends. Resolves when it has ended. */
  stop(): Promise<void>;
  readonly ended: Promise<NodeEnd>;
}

/** @throws HoldfastError when the node cannot start: the store, its file system, or a listener. */
export async function runNode(options: RunNodeOptions): Promise<RunningNode> {
  const { config, logger, version } = options;
  const { store, name } = config;
  const fileSystem = await assertSafeFileSystem(readMounts, store);
  const pulses = new Int32Array(new SharedArrayBuffer(PULSE_BYTES));
  const stallLimitMs = config.ownership.storeStallLimitMs;
  const settings: StorageSettings = {
    layout: storeLayout(store),
    name,
    identity: readHostIdentity(),
    version,
    isFencedByServer: fileSystem.fence1Enforced,
    ...config.ownership,
    segmentBytes: config.journal.segmentBytes,
  };
  const isNetworkFileSystem = fileSystem.isNetwork;
  const data: StorageThreadData = { settings, isNetworkFileSystem, stallLimitMs, pulses };
  const thread = startThread<StorageCommand, StorageEvent>(
    new URL('./storage-thread.js', import.meta.url),
    data,
  );
  const serverName = `holdfast/${version}`;
  const node = new Node({
    config,
    name,
    hostName: settings.identity.host,
    clock: nodeClock,
    network: new NodeNetwork((error) =>
      logger.warn('accept-failed', {}, `A connection could not be taken: ${messageOf(error)}`),
    ),
    logger,
    channel: thread.channel,
    serveStomp: (broker, socket, onClosed) => {
      new StompSession({
        socket,
        broker,
        clock: nodeClock,
        config: config.stomp,
        serverName,
        sessionId: Buffer.from(nodeRandom.bytes(12)).toString('hex'),
        nodeName: name,
        onClosed,
      });
    },
    refuseStomp,
  });
  const watchdog = watchStorage(node, logger, pulses, stallLimitMs);
  const ended = node.ended.then(async (end) => {
    watchdog.stop();
    await endThread(thread);
    return end;
  });
  try {
    await node.start();
  } catch (error) {
    watchdog.stop();
    await endThread(thread);
    throw error;
  }
  return {
    ended,
    stop: async () => {
      node.stop();
      await ended;
    },
  };
}

/** A live node whose store does not answer must not go on holding its clients (P3, P5). */
function watchStorage(
  node: Node,
  logger: Logger,
  pulses: Int32Array<SharedArrayBuffer>,
  limitMs: number,
): Watchdog {
  return new Watchdog({
    clock: nodeClock,
    pulses,
    mine: PULSE.main,
    other: PULSE.storage,
    limitMs,
    isArmed: () => node.isStopping || (node.role !== 'joining' && node.role !== 'backup'),
    onSilence: (silentMs) => {
      node.cutOff();
      logger.error(
        'store-stalled',
        { silentMs: Math.round(silentMs) },
        `The store has not answered for ${Math.round(silentMs / 1000)} s (ownership.storeStallLimitMs): this node ends now`,
      );
      killThisProcess();
    },
  });
}

async function endThread(thread: StartedThread<StorageCommand, StorageEvent>): Promise<void> {
  const stuck = nodeClock.after(THREAD_END_LIMIT_MS, killThisProcess);
  await thread.terminate();
  stuck.cancel();
}

function refuseStomp(socket: Socket, reason: string): void {
  const body = `This client was not served: ${reason}.\n`;
  socket.write(
    encodeFrame(
      {
        command: COMMAND.error,
        headers: [
          ['message', reason],
          ['content-type', 'text/plain'],
        ],
        body: Buffer.from(body),
      },
      null,
    ),
  );
  endAndDiscard(nodeClock, socket);
}
