/** The lease trial on the host that is cut off: it writes on, and tells what becomes of that. */
import { errnoOf, HoldfastError } from '../../../platform/errors.js';
import type { FileHandle } from '../../../platform/ports.js';
import { expect, writeLate } from '../../attempts.js';
import { pause } from '../../pause.js';
import type { Ring } from '../ring.js';
import { encodeRecord, type LateWrites, type LeaseOutcome, RECORD_BYTES } from './lease-outcome.js';
import type { Taken } from './lease-watcher.js';

const WRITE_INTERVAL_MS = 100;
/** As long as a person may take, and a server after that. */
const CUT_LIMIT_MS = 1_800_000;

export async function keepWriting(ring: Ring): Promise<LeaseOutcome> {
  const { talk } = ring;
  const hand = await ring.startHand();
  const handle = await hand.fileSystem.open(`${ring.directory}/lease`, 'create-new-durable');
  expect(await handle.tryLockExclusive(), 'a file of its own could not be locked');
  const writer = new RecordWriter(ring, handle);
  await writer.append();
  await talk.exchange('held', null);
  await talk.exchange('watching', null);
  ring.tell(askToCut(ring));
  const writing = writer.appendUntilStopped();
  // Whoever waits for it learns of a failure, unless the trial has ended before.
  writing.catch(() => undefined);
  const taken = await hearWhatTheWatcherSays(ring).finally(() => writer.stop());
  const answer = await writing;
  if (taken?.kind === 'not-cut') {
    await talk.say('taken', null);
    return taken;
  }
  if (taken?.kind === 'kept') {
    talk.leave();
    return taken;
  }
  // The one that was under way when the lock was lost, when it failed, and two more.
  const answers = answer === 'ok' ? [] : [answer];
  answers.push(await writer.tryLate(), await writer.tryLate());
  if (taken === null) {
    talk.leave();
    return { kind: 'cut', leaseMs: null, late: { answers, landed: null } };
  }
  await talk.say('taken', answers);
  const { value: landed } = await talk.exchange<boolean | null>('checked', null);
  const late: LateWrites = { answers, landed };
  return { kind: 'cut', leaseMs: taken.leaseMs, late };
}

/** Null when it has ended meanwhile. */
async function hearWhatTheWatcherSays(ring: Ring): Promise<Taken | null> {
  try {
    return (await ring.talk.hear<Taken>('taken', { answerMs: CUT_LIMIT_MS })).value;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'PEER_GONE') return null;
    throw error;
  }
}

class RecordWriter {
  readonly #ring: Ring;
  readonly #handle: FileHandle;
  #count = 0;
  #isStopped = false;

  constructor(ring: Ring, handle: FileHandle) {
    this.#ring = ring;
    this.#handle = handle;
  }

  async append(): Promise<void> {
    const record = encodeRecord('holder', this.#ring.clock.monotonicMs());
    await this.#handle.write(record, this.#count * RECORD_BYTES);
    this.#count += 1;
  }

  /** `ok`, or the error of the write that failed; none is made after it. */
  async appendUntilStopped(): Promise<string> {
    while (!this.#isStopped) {
      try {
        await this.append();
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === undefined) throw error;
        return errno;
      }
      await pause(this.#ring.clock, WRITE_INTERVAL_MS);
    }
    return 'ok';
  }

  stop(): void {
    this.#isStopped = true;
  }

  tryLate(): Promise<string> {
    const record = encodeRecord('holder', this.#ring.clock.monotonicMs());
    return writeLate(this.#handle, record, this.#count * RECORD_BYTES);
  }
}

function askToCut(ring: Ring): string {
  if (ring.toBeCut?.how === 'power-off') return 'take the power of this host away now';
  return (
    'cut this host off from the file server now, and join it again when the other host has the ' +
    'lock: for instance `ip link set DEVICE down; sleep 120; ip link set DEVICE up`'
  );
}
