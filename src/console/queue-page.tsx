/** One queue: its figures, what can be done with it, and its messages. */

import { useEffect, useState } from 'preact/hooks';
import type { QueueFacts } from '../broker/facts.js';
import { call, Problem, queuePath } from './api.js';
import { Dialog } from './dialog.js';
import { bytes, count, counted, duration, knownCount } from './format.js';
import { MessageTable } from './message-table.js';
import { queues } from './node-watch.js';
import { tell, telling } from './notices.js';
import { useValue } from './observable.js';
import { type Order, OrderDialog, type OrderKind } from './orders.js';
import { goTo, linkTo } from './route.js';
import { may } from './session.js';

export function QueuePage({ name }: { readonly name: string }) {
  const queue = useValue(queues).get(name);
  const [order, setOrder] = useState<Order | null>(null);
  const [isDeleting, setDeleting] = useState(false);
  const [round, setRound] = useState(0);
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [filter, setFilter] = useState('');
  useEffect(() => {
    setChosen(new Set());
    setFilter('');
  }, [name]);
  const begin = (kind: OrderKind): void => {
    if (chosen.size > 0) setOrder({ kind, queue: name, ids: [...chosen] });
    else setOrder({ kind, queue: name, ...(filter === '' ? {} : { filter }) });
  };
  const done = (): void => {
    setChosen(new Set());
    setRound((one) => one + 1);
  };
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href={linkTo('queues')}>Queues</a> / <span aria-current="page">{name}</span>
      </nav>
      <section class="card">
        <div class="bar">
          <h1>{name}</h1>
          {queue?.paused && <span class="badge warn">paused</span>}
          {queue?.deadLetters && <span class="badge">dead letters</span>}
        </div>
        {queue === undefined ? (
          <p class="empty">There is no queue of this name.</p>
        ) : (
          <Figures queue={queue} />
        )}
        {queue !== undefined && may('manage', name) && (
          <Actions
            queue={queue}
            chosen={chosen.size}
            begin={begin}
            remove={() => setDeleting(true)}
          />
        )}
      </section>
      {queue !== undefined && may('browse', name) && (
        <MessageTable
          queue={name}
          round={round}
          version={`${queue.messages} ${queue.unacknowledged} ${queue.counts?.arrived}`}
          chosen={chosen}
          choose={setChosen}
          filter={filter}
          useFilter={setFilter}
        />
      )}
      {order !== null && <OrderDialog order={order} close={() => setOrder(null)} onDone={done} />}
      {isDeleting && queue !== undefined && (
        <DeleteDialog queue={queue} close={() => setDeleting(false)} />
      )}
    </>
  );
}

function Figures({ queue }: { readonly queue: QueueFacts }) {
  const { counts, oldestAtMs } = queue;
  const facts = [
    ['Messages', count(queue.messages)],
    ['Ready', knownCount(queue.ready)],
    ['Unacknowledged', knownCount(queue.unacknowledged)],
    ['Consumers', knownCount(queue.consumers)],
    ['Size', bytes(queue.bytes)],
    ['Oldest', oldestAtMs === null ? '–' : duration(Date.now() - oldestAtMs)],
  ] as const;
  if (counts === null) return <FigureList figures={facts} />;
  const inTenure = [
    ['Arrived', count(counts.arrived)],
    ['Acknowledged', count(counts.acknowledged)],
    ['Failed', count(counts.failed)],
    ['Dead-lettered', count(counts.deadLettered)],
  ] as const;
  return (
    <>
      <FigureList figures={facts} />
      <p class="faint">In this tenure:</p>
      <FigureList figures={inTenure} />
    </>
  );
}

function FigureList({ figures }: { readonly figures: readonly (readonly [string, string])[] }) {
  return (
    <dl class="figures">
      {figures.map(([title, value]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface ActionsProps {
  readonly queue: QueueFacts;
  readonly chosen: number;
  readonly begin: (kind: OrderKind) => void;
  readonly remove: () => void;
}

function Actions({ queue, chosen, begin, remove }: ActionsProps) {
  const { name, paused, deadLetters, messages } = queue;
  const isEmpty = messages === 0;
  const turn = async (change: 'pause' | 'resume'): Promise<void> => {
    await call('POST', queuePath(name, `/${change}`));
    tell(
      change === 'resume'
        ? `${name} delivers again.`
        : `${name} is paused, until it is resumed or another node is live.`,
    );
  };
  const offer = (kind: OrderKind, title: string, look = '') => (
    <button type="button" class={look} disabled={isEmpty} onClick={() => begin(kind)}>
      {title}…
    </button>
  );
  return (
    <div class="bar actions" role="toolbar" aria-label="What to do">
      <span class="faint">{chosen > 0 ? counted(chosen, 'message') : 'All messages'}:</span>
      {deadLetters && offer('retry', 'Retry', 'primary')}
      {offer('move', 'Move')}
      {offer('copy', 'Copy')}
      {offer('purge', 'Purge', 'danger')}
      <span class="gap" />
      {/* A backup does not know which. */}
      {paused !== true && (
        <button type="button" onClick={() => void telling(() => turn('pause'))}>
          Pause
        </button>
      )}
      {paused !== false && (
        <button type="button" onClick={() => void telling(() => turn('resume'))}>
          Resume
        </button>
      )}
      <button type="button" class="danger" onClick={remove}>
        Delete queue…
      </button>
    </div>
  );
}

function DeleteDialog({
  queue,
  close,
}: {
  readonly queue: QueueFacts;
  readonly close: () => void;
}) {
  const { name, messages, consumers } = queue;
  const act = async (): Promise<void> => {
    try {
      await call('DELETE', queuePath(name, messages > 0 ? '?purge=true' : ''));
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
    }
    tell(`Queue ${name} is gone.`);
    goTo('queues');
  };
  if (consumers !== null && consumers > 0) {
    return (
      <Dialog title={`Delete: ${name}`} close={close}>
        <p>
          It has {counted(consumers, 'consumer')}, so it is not deleted. Let them unsubscribe first.
        </p>
      </Dialog>
    );
  }
  return (
    <Dialog title={`Delete: ${name}`} action="Delete" isDangerous act={act} close={close}>
      <p>
        {messages === 0
          ? 'The queue is empty, and will be gone.'
          : `${counted(messages, 'message')} will be removed for good, and the queue with them. This cannot be undone.`}{' '}
        Who sends to it later makes it anew, if they may.
      </p>
    </Dialog>
  );
}
