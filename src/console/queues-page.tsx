/** All queues, or those for dead letters. */

import { useState } from 'preact/hooks';
import type { QueueFacts } from '../broker/facts.js';
import { call, queuePath } from './api.js';
import { Dialog } from './dialog.js';
import { bytes, counted, duration, knownCount } from './format.js';
import { queues } from './node-watch.js';
import { tell } from './notices.js';
import { useValue } from './observable.js';
import { type Order, OrderDialog } from './orders.js';
import { goTo, linkTo } from './route.js';
import { may, maySomewhere } from './session.js';
import { type Column, SortedTable } from './sorted-table.js';

/** More are not read by anybody; the filter finds the others. */
const MOST_ROWS = 500;

const COLUMNS: readonly Column<QueueFacts>[] = [
  {
    title: 'Queue',
    sortBy: ({ name }) => name,
    show: ({ name, paused, temporary }) => (
      <>
        <a href={linkTo('queues', name)}>{name}</a>
        {paused && <span class="badge warn">paused</span>}
        {temporary && <span class="badge">temporary</span>}
      </>
    ),
  },
  ...(
    [
      ['Messages', 'messages'],
      ['Ready', 'ready'],
      ['Unacknowledged', 'unacknowledged'],
      ['Consumers', 'consumers'],
    ] as const
  ).map(([title, key]) => ({
    title,
    isNumber: true,
    sortBy: (queue: QueueFacts) => queue[key] ?? 0,
    show: (queue: QueueFacts) => knownCount(queue[key]),
  })),
  {
    title: 'Bytes',
    isNumber: true,
    sortBy: (queue) => queue.bytes,
    show: (queue) => bytes(queue.bytes),
  },
  {
    title: 'Oldest',
    isNumber: true,
    sortBy: ({ oldestAtMs }) => (oldestAtMs === null ? 0 : Date.now() - oldestAtMs),
    show: ({ oldestAtMs }) => (oldestAtMs === null ? '–' : duration(Date.now() - oldestAtMs)),
  },
];

export function QueuesPage() {
  const known = useValue(queues);
  const [filter, setFilter] = useState('');
  const [isMaking, setMaking] = useState(false);
  const all = [...known.values()].toSorted((a, b) => a.name.localeCompare(b.name));
  const words = filter.toLowerCase();
  const found = all.filter(({ name }) => name.toLowerCase().includes(words));
  return (
    <section class="card">
      <div class="bar">
        <h1>Queues</h1>
        <input
          type="search"
          class="filter"
          placeholder="Filter by name"
          aria-label="Filter by name"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <span class="faint" role="status">
          {found.length === all.length
            ? counted(all.length, 'queue')
            : `${found.length} of ${all.length}`}
        </span>
        {maySomewhere('create') && (
          <button type="button" onClick={() => setMaking(true)}>
            New queue…
          </button>
        )}
      </div>
      <SortedTable
        label="Queues"
        rows={found.slice(0, MOST_ROWS)}
        columns={COLUMNS}
        keyOf={({ name }) => name}
        empty={all.length === 0 ? 'There are no queues yet.' : 'No queue has this in its name.'}
      />
      {found.length > MOST_ROWS && (
        <p class="faint">The first {MOST_ROWS} are shown; filter for the others.</p>
      )}
      {isMaking && <NewQueueDialog close={() => setMaking(false)} />}
    </section>
  );
}

function NewQueueDialog({ close }: { readonly close: () => void }) {
  const [name, setName] = useState('');
  const act = async (): Promise<void> => {
    await call('PUT', queuePath(name));
    tell(`Queue ${name} is there.`);
    goTo('queues', name);
  };
  return (
    <Dialog
      title="New queue"
      action="Make it"
      act={act}
      close={close}
      canAct={name !== '' && may('create', name)}
    >
      <label>
        Name
        <input
          value={name}
          autofocus
          autocomplete="off"
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <p>An empty queue is made, and kept. Nothing changes when there is one of this name.</p>
    </Dialog>
  );
}

export function DeadLettersPage() {
  const known = useValue(queues);
  const [order, setOrder] = useState<Order | null>(null);
  const rows = [...known.values()].filter(({ deadLetters }) => deadLetters);
  const columns: readonly Column<QueueFacts>[] = [
    ...COLUMNS.filter(({ title }) => ['Queue', 'Messages', 'Bytes', 'Oldest'].includes(title)),
    {
      title: 'Retry',
      show: ({ name, messages }) =>
        may('manage', name) && (
          <button
            type="button"
            disabled={messages === 0}
            onClick={() => setOrder({ kind: 'retry', queue: name })}
          >
            Retry all…
          </button>
        ),
    },
  ];
  return (
    <section class="card">
      <h1>Dead letters</h1>
      <p class="faint">
        What failed too often, or could not be delivered. Open a queue to retry one or some of its
        messages.
      </p>
      <SortedTable
        label="Queues of dead letters"
        rows={rows}
        columns={columns}
        keyOf={({ name }) => name}
        empty="There are no dead letters."
      />
      {order !== null && (
        <OrderDialog order={order} close={() => setOrder(null)} onDone={() => undefined} />
      )}
    </section>
  );
}
