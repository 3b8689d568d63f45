/** Orders for the messages of a queue: what each says before it is done, doing it in parts, and the way back. */

import { useState } from 'preact/hooks';
import type { ActionOutcome, MessageCopy } from '../broker/management-api.js';
import { messageOf } from '../platform/errors.js';
import { call, queuePath } from './api.js';
import { Dialog } from './dialog.js';
import { counted } from './format.js';
import { queues } from './node-watch.js';
import { tell } from './notices.js';
import { useValue } from './observable.js';
import { may } from './session.js';

export type OrderKind = 'purge' | 'move' | 'copy' | 'retry' | 'expire';

export interface Order {
  readonly kind: OrderKind;
  readonly queue: string;
  /** Left out, all that fit the filter. */
  readonly ids?: readonly number[];
  readonly filter?: string;
}

const WORDS: { readonly [kind in OrderKind]: { readonly title: string; readonly done: string } } = {
  purge: { title: 'Purge', done: 'removed' },
  move: { title: 'Move', done: 'moved' },
  copy: { title: 'Copy', done: 'copied' },
  retry: { title: 'Retry', done: 'sent back' },
  expire: { title: 'Expire', done: 'expired' },
};
/** In one call, so that there is something to tell of in between, and ids to undo with. */
const PART = 1_000;

interface OrderDialogProps {
  readonly order: Order;
  readonly close: () => void;
  readonly onDone: () => void;
}

export function OrderDialog({ order, close, onDone }: OrderDialogProps) {
  const { kind, queue } = order;
  const known = useValue(queues);
  const [to, setTo] = useState('');
  const [done, setDone] = useState(0);
  const needsTarget = kind === 'move' || kind === 'copy';
  const act = async (): Promise<void> => {
    try {
      await carryOut({ order, to, progress: setDone, onChanged: onDone });
    } finally {
      onDone();
    }
  };
  const targets = [...known.keys()].filter((name) => name !== queue && may('send', name));
  return (
    <Dialog
      title={`${WORDS[kind].title}: ${queue}`}
      action={WORDS[kind].title}
      isDangerous={kind === 'purge' || kind === 'expire'}
      canAct={!needsTarget || (to !== '' && to !== queue)}
      act={act}
      close={close}
    >
      {needsTarget && (
        <label>
          To the queue
          <input
            value={to}
            list="targets"
            autofocus
            autocomplete="off"
            onInput={(event) => setTo(event.currentTarget.value)}
          />
          <datalist id="targets">
            {targets.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
      )}
      <p>{sentenceOf(order, known.get(queue)?.messages ?? 0, to, known.has(to))}</p>
      {done > 0 && <p role="status">{counted(done, 'message')} so far</p>}
    </Dialog>
  );
}

function sentenceOf(
  { kind, ids, filter }: Order,
  depth: number,
  to: string,
  isThere: boolean,
): string {
  const which =
    ids !== undefined
      ? counted(ids.length, 'chosen message')
      : filter === undefined
        ? `All messages (${counted(depth, 'message')} now)`
        : `All messages that fit ${filter}, of ${counted(depth, 'message')},`;
  const others = 'What a consumer or a transaction has at this moment is left out.';
  switch (kind) {
    case 'purge':
      return `${which} will be removed for good. This cannot be undone. ${others}`;
    case 'expire':
      return `${which} will expire now: to the expiry address, if there is one, else they are removed. This cannot be undone. ${others}`;
    case 'retry':
      return `${which} will be sent to where they were sent first, and delivered anew. ${others} Up to ${counted(PART, 'message')} can be moved back from the queues that they went to.`;
    case 'copy':
      return `${which} will be copied${target(to, isThere)}. The originals stay.`;
    case 'move':
      return `${which} will be moved${target(to, isThere)}. ${others} Up to ${counted(PART, 'message')} can be moved back.`;
  }
}

function target(to: string, isThere: boolean): string {
  if (to === '') return '';
  return isThere ? ` to ${to}` : ` to ${to}, which is made for that`;
}

interface Work {
  readonly order: Order;
  readonly to: string;
  readonly progress: (done: number) => void;
  /** Also when it was undone. */
  readonly onChanged: () => void;
}

async function carryOut({ order, to, progress, onChanged }: Work): Promise<void> {
  const { kind, queue, ids, filter } = order;
  const needsTarget = kind === 'move' || kind === 'copy';
  let place: { after: number; upTo: number } | null = null;
  let done = 0;
  let skipped = 0;
  let reason: string | null = null;
  const copies: MessageCopy[] = [];
  for (;;) {
    const outcome: ActionOutcome = await call<ActionOutcome>('POST', queuePath(queue, `/${kind}`), {
      body: {
        ...(needsTarget ? { to } : {}),
        ...(ids === undefined ? {} : { ids }),
        ...(filter === undefined ? {} : { filter }),
        ...place,
        limit: PART,
      },
    });
    done += outcome.done;
    skipped += outcome.skipped;
    reason ??= outcome.reason;
    copies.push(...outcome.copies);
    progress(done);
    // A full queue ends an order that is not complete: there is nothing to be done by asking again.
    if (outcome.isComplete || outcome.done === 0) break;
    place = { after: outcome.after, upTo: outcome.upTo };
  }
  const left = skipped === 0 ? '' : `, ${skipped} skipped`;
  const why = reason === null ? '' : `: ${reason}`;
  const where = needsTarget ? ` to ${to}` : '';
  const canUndo =
    (kind === 'move' || kind === 'retry') &&
    done > 0 &&
    done <= PART &&
    // What went to a topic is not among them.
    copies.length === done &&
    copies.every((copy) => may('manage', copy.queue));
  tell(
    `${counted(done, 'message')} ${WORDS[kind].done}${where}${left}${why}`,
    canUndo ? () => moveBack(copies, queue).then(onChanged) : null,
  );
}

/** They come behind what is in the queue by now; those that a consumer has got stay with it. */
async function moveBack(copies: readonly MessageCopy[], to: string): Promise<void> {
  let done = 0;
  let reason: string | null = null;
  for (const from of new Set(copies.map((copy) => copy.queue))) {
    const ids = copies.filter((copy) => copy.queue === from).map((copy) => copy.to);
    try {
      const outcome = await call<ActionOutcome>('POST', queuePath(from, '/move'), {
        body: { to, ids },
      });
      done += outcome.done;
      reason ??= outcome.reason;
    } catch (error) {
      // Those of other queues may well go back.
      reason ??= messageOf(error);
    }
  }
  const missing = copies.length - done;
  const why = reason ?? 'they had been taken already';
  const left = missing === 0 ? '' : `; ${counted(missing, 'message')} not: ${why}`;
  tell(`${counted(done, 'message')} moved back to ${to}${left}`);
}
