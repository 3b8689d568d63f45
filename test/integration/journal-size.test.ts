/** The directory follows what is unconsumed: at most twice the needed bytes plus the slack, here two segments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CheckedLoad } from '../support/checked-load.js';
import { journalBytes } from '../support/journal-bytes.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const SEGMENT_BYTES = 4 * 1024 * 1024;
const BODY_BYTES = 2_000;
const WINDOW = 50;
const PREFETCH = 50;
/** What a message needs on disk beside its body, generously. */
const OVERHEAD_BYTES = 600;
/** So often the bound is written until the end. */
const ENOUGH_BOUNDS = 8;
const SAMPLE_INTERVAL_MS = 20;

test('with one old message never acknowledged the journal stays within its bound', async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_JOURNAL_SEGMENT_BYTES: String(SEGMENT_BYTES) });
  const live = await store.startLive('a');
  const load = await CheckedLoad.start(t, {
    findServer: store.findServer,
    bodyBytes: BODY_BYTES,
    window: WINDOW,
    prefetch: PREFETCH,
  });
  // Behind the first of the load, so that it lies in a segment of full size.
  const client = await connect(live.address);
  await client.send({ destination: '/queue/old', body: 'never acknowledged' });
  const written = (): number => load.ledger.confirmedCount * BODY_BYTES;
  const bound = (): number => {
    const onTheirWay = load.ledger.unconsumedPeak + 2 * WINDOW + 2 * PREFETCH;
    return 2 * onTheirWay * (BODY_BYTES + OVERHEAD_BYTES) + 2 * SEGMENT_BYTES;
  };
  let largest = 0;
  while (written() <= ENOUGH_BOUNDS * bound()) {
    await delay(SAMPLE_INTERVAL_MS);
    largest = Math.max(largest, await journalBytes(store.layout.journalDirectory));
  }
  const allowed = bound();
  await load.finish();

  t.diagnostic(`largest ${largest}, allowed ${allowed}, ratio ${(largest / allowed).toFixed(2)}`);
  assert.ok(largest <= allowed, `${largest} bytes in the directory, ${allowed} allowed`);
});
