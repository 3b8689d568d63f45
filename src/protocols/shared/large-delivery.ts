/**
 * When a message goes out in parts: what is larger than may wait for one client is written as its socket
 * takes it, and read back from the journal as it is written (docs/decisions/0017-large-messages.md).
 */

/** From here on a socket tells when it has taken what it was given. */
const SOCKET_TELLS_BYTES = 64 * 1024;

export function isLarge(bytes: number, socketBufferMaxBytes: number): boolean {
  return bytes > socketBufferMaxBytes;
}

/** Whether another part of a large message may be written; the other half is for everything else. */
export function hasRoomForPart(waitingBytes: number, socketBufferMaxBytes: number): boolean {
  return waitingBytes <= Math.max(SOCKET_TELLS_BYTES, socketBufferMaxBytes / 2);
}
