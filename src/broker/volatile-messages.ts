/** Messages that are in memory only, shared by all entries that point at them. */

interface HeldMessage {
  /** A message record without targets, so that delivery reads it like one from the journal. */
  readonly record: Uint8Array;
  references: number;
}

export class VolatileMessages {
  /** Of all messages held, each counted once. */
  bytes = 0;
  private readonly held: (HeldMessage | undefined)[] = [];
  private readonly freePlaces: number[] = [];

  /** Keeps `record` for `references` entries; returns its place. */
  add(record: Uint8Array, references: number): number {
    const place = this.freePlaces.pop() ?? this.held.length;
    this.held[place] = { record, references };
    this.bytes += record.length;
    return place;
  }

  recordAt(place: number): Uint8Array {
    return (this.held[place] as HeldMessage).record;
  }

  /** One entry less points at it. */
  release(place: number): void {
    const message = this.held[place] as HeldMessage;
    message.references -= 1;
    if (message.references > 0) return;
    this.bytes -= message.record.length;
    this.held[place] = undefined;
    this.freePlaces.push(place);
  }
}
