/**
 * A client of a backup, connected through to the live node: the bytes go both ways as they are. It
 * ends with either side, so a client that knows only one address gets to the next live node by
 * connecting again. Main thread.
 */

import type { HostPort, Network, Socket } from '../platform/ports.js';

const CONNECT_TIMEOUT_MS = 3_000;
/** Waiting for one side that reads slowly; the other side is not read above it. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * Connects `client` through to `live`.
 *
 * @throws when the live node cannot be reached; `client` is then untouched.
 */
export async function passThrough(
  network: Network,
  client: Socket,
  live: HostPort,
  onClosed: () => void,
): Promise<void> {
  const upstream = await network.connect(live, CONNECT_TIMEOUT_MS);
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    client.end();
    upstream.end();
    onClosed();
  };
  join(upstream, client, close);
  join(client, upstream, close);
  client.resumeReading();
}

function join(from: Socket, to: Socket, close: () => void): void {
  from.receive({
    onData(bytes) {
      to.write(bytes.slice());
      if (to.bufferedBytes > MAX_BUFFERED_BYTES) from.pauseReading();
    },
    onDrain() {
      to.resumeReading();
    },
    onClose: close,
  });
}
