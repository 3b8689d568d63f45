import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { OutgoingDeliveries } from '../../../../src/protocols/amqp/outgoing-deliveries.js';
import { SendingLink } from '../../../../src/protocols/amqp/sending-link.js';

const LINKS = ['a', 'b'].map(
  (name, handle) =>
    new SendingLink({
      name,
      handle,
      session: { deliver: () => undefined, sourceIsGone: () => undefined },
      isSettled: false,
      destination: { kind: 'queue', name: 'q' },
      removes: null,
    }),
);

type Step =
  | { readonly kind: 'add'; readonly link: number; readonly count: number }
  | { readonly kind: 'settle'; readonly from: number; readonly span: number }
  | { readonly kind: 'settle and add'; readonly from: number; readonly span: number }
  | { readonly kind: 'forget'; readonly link: number };

/** `from`: counted back from the newest delivery. */
const ranges = { from: fc.integer({ min: -2, max: 150 }), span: fc.integer({ min: -1, max: 40 }) };
const links = fc.integer({ min: 0, max: 1 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('add' as const),
      link: fc.integer({ min: 0, max: 2 }),
      count: fc.integer({ min: 1, max: 40 }),
    }),
    fc.record({ kind: fc.constant('settle' as const), ...ranges }),
    fc.record({ kind: fc.constant('settle and add' as const), ...ranges }),
    fc.record({
      kind: fc.constant('settle' as const),
      from: ranges.from,
      span: fc.constant(2 ** 30),
    }),
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), link: links }) },
  ),
  { maxLength: 60 },
);

/** The same as a plain map, beside what is tested. */
class Model {
  readonly #deliveries: OutgoingDeliveries;
  /** Counted from the first delivery on, which is what ids are without an end. */
  readonly #unsettled = new Map<number, { readonly link: SendingLink; readonly entryId: number }>();
  readonly #firstId: number;
  #count = 0;

  constructor(firstId: number) {
    this.#firstId = firstId;
    this.#deliveries = new OutgoingDeliveries(firstId);
  }

  run(step: Step): void {
    if (step.kind === 'add') for (let turn = 0; turn < step.count; turn += 1) this.#add(step.link);
    else if (step.kind === 'forget') this.#forget(LINKS[step.link] as SendingLink);
    else this.#settle(step.from, step.span, step.kind === 'settle and add');
  }

  #add(linkIndex: number): void {
    const link = LINKS[linkIndex] ?? null;
    const number = this.#count;
    this.#count += 1;
    const entryId = number * 1_000;
    assert.equal(this.#deliveries.add(link, entryId), this.#idOf(number));
    if (link !== null) this.#unsettled.set(number, { link, entryId });
  }

  #settle(from: number, span: number, adds: boolean): void {
    const first = Math.max(0, this.#count - 1 - from);
    const last = Math.min(first + span, this.#count - 1);
    const expected = [...this.#unsettled].filter(([number]) => number >= first && number <= last);
    const settled: unknown[] = [];
    this.#deliveries.settle(this.#idOf(first), this.#idOf(first + span), (link, entryId, id) => {
      settled.push({ link, entryId, id });
      if (adds) this.#add(0);
    });
    for (const [number] of expected) this.#unsettled.delete(number);
    assert.deepEqual(
      settled,
      expected.map(([number, each]) => ({ ...each, id: this.#idOf(number) })),
    );
  }

  #forget(link: SendingLink): void {
    this.#deliveries.forget(link);
    for (const [number, each] of this.#unsettled) {
      if (each.link === link) this.#unsettled.delete(number);
    }
  }

  #idOf(number: number): number {
    return (this.#firstId + number) >>> 0;
  }
}

describe('OutgoingDeliveries', () => {
  it('settles each delivery once, in the order of ids, wherever they begin', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 2 ** 32 - 30), steps, (firstId, each) => {
        const model = new Model(firstId);
        for (const step of each) model.run(step);
      }),
      { numRuns: 500 },
    );
  });
});

it('a ring that was large and is empty begins small again, with ids that go on', () => {
  const deliveries = new OutgoingDeliveries(0xffff_f000);
  const [link] = LINKS as [SendingLink];
  const ids = Array.from({ length: 10_000 }, (_, entryId) => deliveries.add(link, entryId));
  let settled = 0;
  deliveries.settle(ids[0] as number, ids.at(-1) as number, () => {
    settled += 1;
    // What is settled last makes room: the next delivery comes in the middle of it.
    if (settled === ids.length) deliveries.add(link, 10_000);
  });
  assert.equal(settled, 10_000);
  const seen: number[] = [];
  const next = (ids.at(-1) as number) + 1;
  deliveries.settle(next, next, (_, entryId) => seen.push(entryId));
  assert.deepEqual(seen, [10_000]);
});
