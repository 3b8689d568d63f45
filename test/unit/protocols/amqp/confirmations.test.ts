import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Confirmations } from '../../../../src/protocols/amqp/confirmations.js';

describe('Confirmations', () => {
  it('come to each session in the order in which they were awaited, whatever the ids', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({
          session: fc.constantFrom('a', 'b'),
          id: fc.integer({ min: 0, max: 3 }).map((id) => (id + 0xffff_fffe) >>> 0),
          count: fc.integer({ min: 1, max: 4 }),
        }),
        fc.integer({ min: 1, max: 4 }),
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (each) => {
        const confirmations = new Confirmations();
        const awaited: string[] = [];
        const confirmed: string[] = [];
        const sessionNamed = (name: string) => ({
          confirmed: (id: number) => confirmed.push(`${name} ${id}`),
          flush: () => undefined,
        });
        const sessions = { a: sessionNamed('a'), b: sessionNamed('b') };
        for (const step of each) {
          if (typeof step === 'number') {
            const count = Math.min(step, awaited.length - confirmed.length);
            for (let turn = 0; turn < count; turn += 1) {
              confirmations.confirmed(confirmations.transferToken);
            }
          } else {
            for (let offset = 0; offset < step.count; offset += 1) {
              const id = (step.id + offset) >>> 0;
              confirmations.awaits(sessions[step.session as 'a' | 'b'], id);
              awaited.push(`${step.session} ${id}`);
            }
          }
        }
        assert.deepEqual(confirmed, awaited.slice(0, confirmed.length));
      }),
    );
  });

  it('fail when nobody awaits one: a message would count as stored that is not', () => {
    const confirmations = new Confirmations();
    assert.throws(() => confirmations.confirmed(confirmations.transferToken));
  });
});
