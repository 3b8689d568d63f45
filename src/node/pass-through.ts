/**
 * A client of a backup, connected through to the live node: the bytes go both ways as they are. It
 * ends with either side, so a client that knows only one address gets to the next live node by
 * connecting again. Main thread.
 */

import type { Clock, Socket } from '../platform/ports.js';

/** Waiting for one side that reads slowly; the other side is not read above it. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** For the last bytes to go out before a side that does not take them is cut off. */
const LINGER_MS = 5_000;

/** Joins a client and a connection to the live node; `onClosed` once when they are gone. */
export function passThrough(
  clock: Clock,
  client: Socket,
  upstream: Socket,
  onClosed: () => void,
): void {
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    client.end();
    upstream.end();
    clock.after(LINGER_MS, () => {
      client.destroy();
      upstream.destroy();
    });
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
