/** Connections, durable subscriptions and open transactions. */

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ConnectionFacts, SubscriptionFacts, TransactionFacts } from '../broker/facts.js';
import { call } from './api.js';
import { useAskedList } from './asked-list.js';
import { Dialog } from './dialog.js';
import { bytes, count, counted, duration, knownCount } from './format.js';
import { tell } from './notices.js';
import { may } from './session.js';
import { type Column, SortedTable } from './sorted-table.js';

interface ListCardProps<Row> {
  readonly title: string;
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string | number;
  readonly empty: string;
  readonly isShown?: (row: Row) => boolean;
  readonly children?: ComponentChildren;
}

function ListCard<Row>(props: ListCardProps<Row>) {
  const { title, name, columns, keyOf, empty, isShown = () => true, children } = props;
  const { rows, fault } = useAskedList<Row>(name);
  const shown = rows?.filter(isShown) ?? [];
  return (
    <section class="card">
      <div class="bar">
        <h1>{title}</h1>
        {rows !== null && <span class="faint">{count(shown.length)}</span>}
      </div>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {rows !== null && (
        <SortedTable label={title} rows={shown} columns={columns} keyOf={keyOf} empty={empty} />
      )}
      {children}
    </section>
  );
}

const asYesOrNo = (value: boolean): string => (value ? 'yes' : 'no');

export function ConnectionsPage() {
  const [closing, setClosing] = useState<ConnectionFacts | null>(null);
  const columns: readonly Column<ConnectionFacts>[] = [
    { title: 'Id', isNumber: true, sortBy: ({ id }) => id, show: ({ id }) => id },
    { title: 'Client', sortBy: (one) => one.description, show: (one) => one.description },
    { title: 'Client id', sortBy: (one) => one.clientId ?? '', show: (one) => one.clientId ?? '–' },
    {
      title: 'Consumers',
      isNumber: true,
      sortBy: (one) => one.consumers,
      show: (one) => one.consumers,
    },
    {
      title: 'Unacknowledged',
      isNumber: true,
      sortBy: (one) => one.unacknowledged,
      show: (one) => count(one.unacknowledged),
    },
    { title: 'Sends', show: ({ sends }) => asYesOrNo(sends) },
    { title: 'Held', show: ({ held }) => asYesOrNo(held) },
    ...(may('manage')
      ? [
          {
            title: 'Close',
            show: (one: ConnectionFacts) => (
              <button
                type="button"
                onClick={() => setClosing(one)}
                aria-label={`Close connection ${one.id}`}
              >
                Close…
              </button>
            ),
          },
        ]
      : []),
  ];
  return (
    <ListCard
      title="Connections"
      name="connections"
      columns={columns}
      keyOf={({ id }) => id}
      empty="Nobody is connected."
    >
      {closing !== null && <CloseDialog connection={closing} close={() => setClosing(null)} />}
    </ListCard>
  );
}

function CloseDialog({
  connection,
  close,
}: {
  readonly connection: ConnectionFacts;
  readonly close: () => void;
}) {
  const { id, description, unacknowledged } = connection;
  const act = async (): Promise<void> => {
    await call('DELETE', `/connections/${id}`);
    tell(`Connection ${id} was closed.`);
  };
  return (
    <Dialog title={`Close connection ${id}`} action="Close it" isDangerous act={act} close={close}>
      <p>
        {description} is told, and disconnected. Its{' '}
        {counted(unacknowledged, 'unacknowledged message')} go back to their queues, and open
        transactions are rolled back. It may connect again.
      </p>
    </Dialog>
  );
}

export function SubscriptionsPage() {
  const [removing, setRemoving] = useState<SubscriptionFacts | null>(null);
  const columns: readonly Column<SubscriptionFacts>[] = [
    { title: 'Topic', sortBy: ({ topic }) => topic, show: ({ topic }) => topic },
    { title: 'Name', sortBy: ({ name }) => name ?? '', show: ({ name }) => name },
    { title: 'Client id', sortBy: (one) => one.clientId ?? '', show: (one) => one.clientId || '–' },
    {
      title: 'Messages',
      isNumber: true,
      sortBy: (one) => one.messages,
      show: (one) => count(one.messages),
    },
    { title: 'Size', isNumber: true, sortBy: (one) => one.bytes, show: (one) => bytes(one.bytes) },
    {
      title: 'Consumers',
      isNumber: true,
      sortBy: (one) => one.consumers ?? 0,
      show: (one) => knownCount(one.consumers),
    },
    { title: 'Selector', show: ({ selector }) => selector ?? '–' },
    {
      title: 'Delete',
      show: (one) =>
        may('manage', one.topic) && (
          <button
            type="button"
            disabled={(one.consumers ?? 0) > 0}
            onClick={() => setRemoving(one)}
          >
            Delete…
          </button>
        ),
    },
  ];
  return (
    <ListCard
      title="Durable subscriptions"
      name="subscriptions"
      columns={columns}
      keyOf={({ clientId, name }) => JSON.stringify([clientId, name])}
      empty="There are no durable subscriptions."
      isShown={({ durable }) => durable}
    >
      {removing !== null && (
        <RemoveDialog subscription={removing} close={() => setRemoving(null)} />
      )}
    </ListCard>
  );
}

function RemoveDialog({
  subscription,
  close,
}: {
  readonly subscription: SubscriptionFacts;
  readonly close: () => void;
}) {
  const { topic, messages } = subscription;
  const name = subscription.name ?? '';
  const clientId = subscription.clientId ?? '';
  const act = async (): Promise<void> => {
    await call('DELETE', `/subscriptions?${new URLSearchParams({ clientId, name })}`);
    tell(`Subscription ${name} is gone.`);
  };
  return (
    <Dialog title={`Delete: ${name}`} action="Delete" isDangerous act={act} close={close}>
      <p>
        The subscription to {topic} and its {counted(messages, 'message')} will be removed for good.
        This cannot be undone.
      </p>
    </Dialog>
  );
}

const TRANSACTION_COLUMNS: readonly Column<TransactionFacts>[] = [
  { title: 'Connection', isNumber: true, show: ({ connection }) => connection },
  { title: 'Name', show: ({ name }) => name },
  {
    title: 'Open for',
    isNumber: true,
    sortBy: ({ sinceMs }) => Date.now() - sinceMs,
    show: ({ sinceMs }) => duration(Date.now() - sinceMs),
  },
  {
    title: 'Messages',
    isNumber: true,
    sortBy: (one) => one.messages,
    show: (one) => count(one.messages),
  },
  {
    title: 'Acknowledged',
    isNumber: true,
    sortBy: (one) => one.settlements,
    show: (one) => count(one.settlements),
  },
  { title: 'Size', isNumber: true, sortBy: (one) => one.bytes, show: (one) => bytes(one.bytes) },
];

export function TransactionsPage() {
  return (
    <ListCard
      title="Open transactions"
      name="transactions"
      columns={TRANSACTION_COLUMNS}
      keyOf={({ connection, name }) => `${connection} ${name}`}
      empty="No transaction has something to commit."
    />
  );
}
