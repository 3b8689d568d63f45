/** What a client is told that no node can serve now: an open connection, closed with the reason. */
import { Output } from '../shared/output.js';
import { CONDITION } from './amqp-error.js';
import { PROTOCOL_ID, protocolHeader } from './frame-decoder.js';
import { FrameWriter } from './frame-writer.js';
import { CLOSE, OPEN } from './performatives.js';

/**
 * Nothing that the client has sent was looked into, so whether it began with SASL is not known; a client that
 * did sees a connection that ends, and tries another node.
 */
export function closeUnserved(containerId: string, reason: string): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const output = new Output((bytes) => chunks.push(bytes));
  const frames = new FrameWriter(output, () => undefined);
  frames.protocol(protocolHeader(PROTOCOL_ID.amqp));
  frames.frame(0, OPEN, { containerId });
  const description = `This client was not served: ${reason}.`;
  frames.frame(0, CLOSE, { error: { condition: CONDITION.connectionForced, description } });
  output.flush();
  return chunks;
}
