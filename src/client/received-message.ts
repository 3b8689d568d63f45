/** A MESSAGE as the client hands it to its user: a copy that stays valid, decoded when asked. */
import type { Frame } from '../protocols/stomp/frame.js';

export class ReceivedMessage {
  private readonly frame: Frame;

  constructor(frame: Frame) {
    this.frame = frame.detach();
  }

  /** The value of a header; of a repeated one the first. */
  header(name: string): string | undefined {
    return this.frame.header(name);
  }

  headers(): ReadonlyMap<string, string> {
    return this.frame.headers();
  }

  get body(): Uint8Array {
    return this.frame.body();
  }

  /** The body as UTF-8. */
  text(): string {
    return new TextDecoder().decode(this.body);
  }

  /** What ACK and NACK take; undefined when the subscription acknowledges by itself. */
  get acknowledgementId(): string | undefined {
    return this.frame.header('ack');
  }

  get messageId(): string {
    return this.frame.header('message-id') ?? '';
  }
}
