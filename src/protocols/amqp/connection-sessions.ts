/** The sessions of one connection by their channels, and which frame is whose (OASIS AMQP 1.0, part 2, 2.5). */
import { HoldfastError } from '../../platform/errors.js';
import { AmqpError, CONDITION, isOfConnection } from './amqp-error.js';
import { type Read, readFields } from './composite.js';
import { errorFields } from './error-fields.js';
import { ATTACH, type BEGIN, DETACH, DISPOSITION, END, FLOW, TRANSFER } from './performatives.js';
import { AmqpSession } from './session.js';
import type { HostedSession, SessionHost } from './session-host.js';
import { TransferReader } from './transfer-reader.js';
import type { ValueReader } from './value-reader.js';

const OF_SESSIONS: ReadonlySet<number> = new Set(
  [ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END].map(({ code }) => code),
);

export interface ConnectionSessionsOptions {
  readonly host: SessionHost;
  /** Stands behind the descriptor when a frame is taken. */
  readonly reader: ValueReader;
  /** So many bytes of messages came while producers are held back. */
  readonly onHeldPayload: (bytes: number) => void;
}

export class ConnectionSessions {
  private readonly host: SessionHost;
  private readonly reader: ValueReader;
  private readonly onHeldPayload: (bytes: number) => void;
  private readonly transferReader = new TransferReader();
  private readonly byChannel = new Map<number, AmqpSession>();
  /** Channels whose `end` this side has sent first. */
  private readonly ended = new Set<number>();
  private readonly touched = new Set<HostedSession>();

  constructor({ host, reader, onHeldPayload }: ConnectionSessionsOptions) {
    this.host = host;
    this.reader = reader;
    this.onHeldPayload = onHeldPayload;
  }

  /** Whether frames with this performative are for a session. */
  static takes(code: number): boolean {
    return OF_SESSIONS.has(code);
  }

  get linkCount(): number {
    let count = 0;
    for (const session of this.byChannel.values()) count += session.linkCount;
    return count;
  }

  begin(channel: number, begin: Read<typeof BEGIN>): void {
    if (channel >= this.host.config.maxSessions) {
      throw new AmqpError(
        'connection',
        CONDITION.framingError,
        `Channel ${channel} is above the agreed channel-max (amqp.maxSessions)`,
      );
    }
    if (this.byChannel.has(channel)) {
      throw new AmqpError(
        'connection',
        CONDITION.illegalState,
        `A session has begun on channel ${channel} already; end it first, or use another channel`,
      );
    }
    this.byChannel.set(channel, new AmqpSession(this.host, channel, begin));
  }

  /** An error of a session ends the session, and nothing else. */
  take(channel: number, code: number): void {
    const session = this.byChannel.get(channel);
    if (session === undefined) {
      // A session that this side has ended may still be told of what was under way.
      if (this.ended.has(channel)) {
        if (code === END.code) this.ended.delete(channel);
        return;
      }
      throw new AmqpError(
        'connection',
        CONDITION.notAllowed,
        `No session has begun on channel ${channel}`,
      );
    }
    try {
      this.inSession(session, code);
    } catch (error) {
      if (!(error instanceof HoldfastError) || isOfConnection(error)) throw error;
      this.end(session, error);
      this.ended.add(channel);
    }
  }

  /** Something of the session has to be written before the next flush. */
  touch(session: HostedSession): void {
    this.touched.add(session);
  }

  flush(): void {
    for (const session of this.touched) session.flush();
    this.touched.clear();
  }

  /** Producers are not held back any more. */
  resume(): void {
    for (const session of this.byChannel.values()) session.resume();
  }

  /** The connection is gone. */
  dropHeld(): void {
    for (const session of this.byChannel.values()) session.dropHeld();
  }

  private inSession(session: AmqpSession, code: number): void {
    const { reader } = this;
    switch (code) {
      case TRANSFER.code: {
        const transfer = this.transferReader.read(reader);
        if (this.host.isHeld) this.onHeldPayload(reader.end - reader.at);
        session.transfer(transfer, reader.bytes, reader.at, reader.end);
        return;
      }
      case DISPOSITION.code:
        session.disposition(readFields(reader, DISPOSITION));
        return;
      case FLOW.code:
        session.flow(readFields(reader, FLOW));
        return;
      case ATTACH.code:
        session.attach(readFields(reader, ATTACH));
        return;
      case DETACH.code:
        session.detach(readFields(reader, DETACH));
        return;
      default:
        this.end(session, null);
    }
  }

  private end(session: AmqpSession, error: HoldfastError | null): void {
    // What is confirmed is told before the end.
    session.flush();
    session.end();
    this.byChannel.delete(session.channel);
    this.touched.delete(session);
    const fields = error === null ? {} : { error: errorFields(error) };
    this.host.frames.frame(session.channel, END, fields);
  }
}
