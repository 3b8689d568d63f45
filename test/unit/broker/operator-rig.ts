/** A broker with an operator, whose orders and browses run to their end or as far as a test lets them. */
import assert from 'node:assert/strict';
import type {
  ActionOutcome,
  BrowsedMessage,
  Ending,
  MessageAction,
  MessageSelection,
} from '../../../src/broker/management-api.js';
import { parseSelector } from '../../../src/selector/selector.js';
import { Rig, type RigOptions, type TestClient } from './broker-rig.js';

export const ALL: MessageSelection = {
  ids: null,
  selector: null,
  limit: Number.POSITIVE_INFINITY,
  after: 0,
  upTo: null,
};
const decoder = new TextDecoder();

export class Order<Result> implements Ending<Result> {
  result: Result | null = null;
  error: Error | null = null;

  get isOver(): boolean {
    return this.result !== null || this.error !== null;
  }

  done(result: Result): void {
    assert.equal(this.result, null, 'it ends once');
    this.result = result;
  }

  failed(error: Error): void {
    assert.equal(this.error, null, 'it ends once');
    this.error = error;
  }
}

export function begin(
  rig: Rig,
  queue: string,
  action: MessageAction,
  selection: Partial<MessageSelection> = {},
): Order<ActionOutcome> {
  const order = new Order<ActionOutcome>();
  rig.broker.management.act(queue, action, { ...ALL, ...selection }, order);
  return order;
}

export function act(
  rig: Rig,
  queue: string,
  action: MessageAction,
  selection: Partial<MessageSelection> = {},
): ActionOutcome {
  const order = begin(rig, queue, action, selection);
  rig.settle();
  assert.ok(order.result, String(order.error));
  return order.result;
}

export function browse(
  rig: Rig,
  queue: string,
  selector: string | null = null,
  limit = 1_000,
  after = 0,
): { bodies: string[]; states: string[]; ids: number[]; next: number | null } {
  const seen: { bodies: string[]; states: string[]; ids: number[] } = {
    bodies: [],
    states: [],
    ids: [],
  };
  const order = new Order<number | null>();
  rig.broker.management.browse(
    {
      queue,
      selector: selector === null ? null : parseSelector(selector),
      after,
      upTo: null,
      limit,
      onMessage: ({ bytes, bodyStart, bodyEnd, state, entryId }: BrowsedMessage) => {
        seen.bodies.push(decoder.decode(bytes.subarray(bodyStart, bodyEnd)));
        seen.states.push(state);
        seen.ids.push(entryId);
      },
    },
    order,
  );
  rig.settle();
  assert.equal(order.error, null);
  return { ...seen, next: order.result };
}

export function filled(count: number, options: RigOptions = {}): { rig: Rig; client: TestClient } {
  const rig = new Rig(options);
  const client = rig.connect();
  for (let number = 1; number <= count; number += 1) {
    client.send('/queue/q', String(number), { headers: `number:${number}\n` });
  }
  rig.settle();
  return { rig, client };
}
