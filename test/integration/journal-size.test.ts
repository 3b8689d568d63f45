/** The directory follows what is unconsumed: at most twice the needed bytes plus two segments. */
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
const SAMPLES = 60;

test('with one old message never acknowledged the journal stays within its bound', async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_JOURNAL_SEGMENT_BYTES: String(SEGMENT_BYTES) });
  const live = await store.startLive('a');
  const client = await connect(live.address);
  await client.send({ destination: '/queue/old', body: 'never acknowledged' });
  const load = await CheckedLoad.start(t, {
    findServer: store.findServer,
    bodyBytes: BODY_BYTES,
    window: WINDOW,
    prefetch: PREFETCH,
  });
  const sizes: number[] = [];
  let unconsumed = 0;
  for (let sample = 1; sample <= SAMPLES; sample += 1) {
    await delay(100);
    sizes.push(await journalBytes(store.layout.journalDirectory));
    const { confirmedCount, acknowledgedCount } = load.ledger;
    unconsumed = Math.max(unconsumed, confirmedCount - acknowledgedCount);
  }
  const written = load.ledger.confirmedCount * BODY_BYTES;
  await load.finish();

  const onTheirWay = unconsumed + 2 * WINDOW + 2 * PREFETCH;
  const needed = onTheirWay * (BODY_BYTES + OVERHEAD_BYTES);
  const bound = 2 * needed + 2 * SEGMENT_BYTES;
  const largest = Math.max(...sizes);
  t.diagnostic(`written ${written}, largest ${largest}, bound ${bound}, unconsumed ${unconsumed}`);
  assert.ok(written > 4 * bound, 'enough was written to tell');
  assert.ok(largest <= bound, `${largest} bytes in the directory, ${bound} allowed`);
});
