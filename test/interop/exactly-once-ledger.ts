/**
 * What the workers of ExactlyOnce.java told, and what has to be true of it: each message was stored
 * once, whatever was sent again; it was consumed, and what was done with it was done once.
 */
import assert from 'node:assert/strict';

const NAMED_AT_MOST = 10;

export const READ = 'once.read';
export const MOVED_FROM = 'once.from';
export const MOVED_TO = 'once.to';

/** Which queue each producer sends to. */
const PRODUCERS: ReadonlyMap<string, string> = new Map([
  ['plain', READ],
  ['reopening', MOVED_FROM],
  ['transacted-1', READ],
  ['transacted-2', MOVED_FROM],
]);
const WORKERS = [...PRODUCERS.keys(), 'reader-1', 'reader-2', 'mover-1', 'mover-2'];
/** Events of consumers; any other one of a worker is an exception. */
const OUTCOMES = ['delivered', 'redelivered', 'moved', 'not-moved', 'in-doubt', 'counted', 'left'];

export class ExactlyOnceLedger {
  /** That the program has told something that no application should ever see. */
  readonly failures: string[] = [];
  isCounted = false;
  /** By event, one element for each message: ID/SEND. */
  readonly #told = new Map(['confirmed', ...OUTCOMES].map((event) => [event, [] as string[]]));
  /** How many messages each worker has brought to an end. */
  readonly #progress = new Map(WORKERS.map((worker) => [worker, 0]));
  /** By name, how many messages it concerned. */
  readonly #exceptions = new Map<string, number>();

  readonly record = (line: string): void => {
    const [worker, event, ...messages] = line.split(' ') as [string, string, ...string[]];
    if (line === 'all counted') this.isCounted = true;
    if (event === 'failed' || event === 'ended') this.failures.push(line);
    if (messages.length === 0 || this.failures.includes(line)) return;
    const told = this.#told.get(event);
    if (told === undefined) {
      this.#exceptions.set(event, (this.#exceptions.get(event) ?? 0) + messages.length);
      return;
    }
    told.push(...messages);
    const before = this.#progress.get(worker);
    if (before !== undefined) this.#progress.set(worker, before + messages.length);
  };

  /** For a wait until every worker has done so much more. */
  progressBy(count: number): () => boolean {
    const wanted = WORKERS.map((worker) => (this.#progress.get(worker) as number) + count);
    return () => WORKERS.every((worker, at) => this.#progressOf(worker) >= (wanted[at] as number));
  }

  /** `stored` has how many entries the journal ever had, for each queue that had any. */
  check(stored: ReadonlyMap<string, number>): void {
    const read = this.#confirmedFor(READ);
    const moved = this.#confirmedFor(MOVED_FROM);
    assert.deepEqual(this.failures, [], 'told by the program');
    none(this.#of('left'), 'left in a queue, or in a dead-letter queue');
    const received = new Set([...this.#of('delivered'), ...this.#of('redelivered')].map(idOf));
    none(difference(read, received), 'lost by readers');
    none(difference(received, read), 'read, and never confirmed to a producer');
    const counted = this.#of('counted').map(idOf);
    none(difference(moved, new Set(counted)), 'lost by movers');
    none(difference(new Set(counted), moved), 'moved, and never confirmed to a producer');
    none(repeated(counted), 'twice where it was moved to');
    none(repeated(this.#of('moved').map(idOf)), 'moved in two transactions that were committed');
    const accounted = new Set([...this.#of('moved'), ...this.#of('in-doubt')].map(idOf));
    none(difference(moved, accounted), 'moved by nobody');
    none(repeated([...this.#copies].map(idOf)), 'came as copies of two sends');
    const entries = [
      [READ, read.size],
      [MOVED_FROM, moved.size],
      [MOVED_TO, moved.size],
    ] as const;
    assert.deepEqual(stored, new Map(entries), 'entries that the journal ever had');
  }

  get summary(): string {
    const confirmed = this.#of('confirmed');
    const messages = new Set(confirmed.map(idOf));
    const isConfirmed = new Set(confirmed);
    const copies = [...this.#copies];
    const heldOfFailed = copies.filter((copy) => !isConfirmed.has(copy)).length;
    const dropped = confirmed.length - (copies.length - heldOfFailed);
    const wasDone = difference(
      new Set(this.#of('in-doubt').map(idOf)),
      new Set(this.#of('moved').map(idOf)),
    );
    const first = this.#of('delivered');
    const exceptions = [...this.#exceptions].map(([name, count]) => `${name} ${count}`);
    return [
      `${messages.size} messages, ${confirmed.length} sends of them confirmed, ${dropped} of these dropped as duplicates`,
      `not confirmed, for ${exceptions.join(' and ')}; of these sends ${heldOfFailed} had been carried out all the same`,
      `readers: ${first.length + this.#of('redelivered').length} deliveries, ${this.#of('redelivered').length} marked as redelivered, ${repeated(first.map(idOf)).length} came again without the mark`,
      `movers: ${this.#of('not-moved').length} rolled back before a commit, ${this.#of('in-doubt').length} in a commit that failed, ${wasDone.length} of these committed all the same`,
    ].join('; ');
  }

  /** Every copy that a consumer has seen. */
  get #copies(): Set<string> {
    return new Set(OUTCOMES.flatMap((event) => this.#of(event)));
  }

  #confirmedFor(queue: string): Set<string> {
    const ids = this.#of('confirmed').map(idOf);
    return new Set(ids.filter((id) => PRODUCERS.get(id.replace(/-\d+$/, '')) === queue));
  }

  #progressOf(worker: string): number {
    return this.#progress.get(worker) as number;
  }

  #of(event: string): readonly string[] {
    return this.#told.get(event) as string[];
  }
}

function idOf(message: string): string {
  return message.slice(0, message.indexOf('/'));
}

function difference(all: ReadonlySet<string>, without: ReadonlySet<string>): string[] {
  return [...all].filter((one) => !without.has(one));
}

function repeated(all: readonly string[]): string[] {
  const seen = new Set<string>();
  return all.filter((one) => seen.size === seen.add(one).size);
}

function none(messages: readonly string[], what: string): void {
  const named = messages.slice(0, NAMED_AT_MOST).join(' ');
  assert.equal(messages.length, 0, `${messages.length} ${what}: ${named}`);
}
