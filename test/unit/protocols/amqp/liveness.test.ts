import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AmqpError, CONDITION } from '../../../../src/protocols/amqp/amqp-error.js';
import {
  type ConnectionState,
  Liveness,
  VERDICT,
} from '../../../../src/protocols/amqp/liveness.js';

const IDLE_MS = 1_000;
/** Twice the time-out is still good. */
const OVERDUE_MS = 2 * IDLE_MS + 1;
const READING: ConnectionState = {
  isPaused: false,
  isHeld: false,
  writtenBytes: 0,
  bufferedBytes: 0,
};

describe('liveness of an AMQP connection', () => {
  it('is checked often enough for the shorter of the two time-outs, and not at all without any', () => {
    for (const [own, remote, expected] of [
      [0, 0, null],
      [IDLE_MS, 0, 500],
      [0, 400, 100],
      [IDLE_MS, 400, 100],
      [IDLE_MS, 60_000, 500],
      [0, 2, 1],
    ] as const) {
      const liveness = new Liveness(own, 0);
      assert.equal(liveness.checkIntervalMs, null);
      liveness.opened(remote);
      assert.equal(liveness.checkIntervalMs, expected, `${own} and ${remote}`);
    }
  });

  it('asks for a heart-beat when nothing was said since the last check, and the client wants to hear something', () => {
    const liveness = new Liveness(0, 0);
    assert.equal(liveness.check(100, READING), VERDICT.quiet);
    liveness.opened(400);
    assert.equal(liveness.check(200, READING), VERDICT.beat);
    assert.equal(liveness.check(300, { ...READING, writtenBytes: 8 }), VERDICT.well);
    liveness.said(8);
    assert.equal(liveness.check(400, { ...READING, writtenBytes: 8 }), VERDICT.beat);
  });

  it('tells a client that it was silent for more than twice the time-out', () => {
    const liveness = new Liveness(IDLE_MS, 0);
    assert.equal(liveness.check(2 * IDLE_MS, READING), VERDICT.quiet);
    const verdict = liveness.check(OVERDUE_MS, READING);
    assert.ok(verdict instanceof AmqpError);
    assert.equal(verdict.condition, CONDITION.resourceLimitExceeded);
    assert.match(verdict.message, /for 2001 ms; the idle-time-out is 1000 ms/);
    liveness.received(OVERDUE_MS);
    assert.equal(liveness.check(OVERDUE_MS + IDLE_MS, READING), VERDICT.quiet);
  });

  it('waits for a client that takes what waits for it, however slowly, and not for one that takes nothing', () => {
    const liveness = new Liveness(IDLE_MS, 0);
    const slow = { ...READING, isPaused: true, writtenBytes: 10_000 };
    let bufferedBytes = 10_000;
    let nowMs = 0;
    for (; bufferedBytes > 9_000; bufferedBytes -= 1) {
      nowMs += IDLE_MS;
      assert.equal(liveness.check(nowMs, { ...slow, bufferedBytes }), VERDICT.well);
    }
    const stuck = { ...slow, bufferedBytes: bufferedBytes + 1 };
    assert.equal(liveness.check(nowMs + OVERDUE_MS, stuck), VERDICT.stuck);
  });

  it('blames no client that is not read because producers are held back', () => {
    const liveness = new Liveness(IDLE_MS, 0);
    const held = { ...READING, isPaused: true, isHeld: true };
    assert.equal(liveness.check(100 * IDLE_MS, held), VERDICT.quiet);
  });
});
