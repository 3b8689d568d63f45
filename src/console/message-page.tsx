/** One message: what it is, its headers, and its body. */

import { useEffect, useState } from 'preact/hooks';
import type { MessageView } from '../node/message-view.js';
import { messageOf } from '../platform/errors.js';
import { call, queuePath } from './api.js';
import { bytes, momentInUtc } from './format.js';
import { MessageBody } from './message-body.js';
import { queues } from './node-watch.js';
import { useValue } from './observable.js';
import { type Order, OrderDialog, type OrderKind } from './orders.js';
import { goTo, linkTo } from './route.js';
import { may } from './session.js';

export function MessagePage({ queue, id }: { readonly queue: string; readonly id: number }) {
  const [message, setMessage] = useState<MessageView | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [order, setOrder] = useState<Order | null>(null);
  const areDeadLetters = useValue(queues).get(queue)?.deadLetters === true;
  useEffect(() => {
    setMessage(null);
    call<MessageView>('GET', queuePath(queue, `/messages/${id}`)).then(
      setMessage,
      (error: unknown) => setFault(messageOf(error)),
    );
  }, [queue, id]);
  const offer = (kind: OrderKind, title: string, look = '') => (
    <button type="button" class={look} onClick={() => setOrder({ kind, queue, ids: [id] })}>
      {title}…
    </button>
  );
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href={linkTo('queues')}>Queues</a> / <a href={linkTo('queues', queue)}>{queue}</a> /{' '}
        <span aria-current="page">{id}</span>
      </nav>
      {fault !== null && (
        <p class="card fault" role="alert">
          {fault}
        </p>
      )}
      {message !== null && (
        <>
          <section class="card">
            <h1>Message {id}</h1>
            <Facts message={message} />
            {may('manage', queue) && (
              <div class="bar actions" role="toolbar" aria-label="What to do">
                {areDeadLetters && offer('retry', 'Retry', 'primary')}
                {offer('move', 'Move')}
                {offer('copy', 'Copy')}
                {offer('purge', 'Remove', 'danger')}
              </div>
            )}
          </section>
          <MessageBody body={message.body} />
          <Headers headers={message.headers} />
        </>
      )}
      {order !== null && (
        <OrderDialog
          order={order}
          close={() => setOrder(null)}
          onDone={() => goTo('queues', queue)}
        />
      )}
    </>
  );
}

function Facts({ message }: { readonly message: MessageView }) {
  const { expiresAtMs, deliverAtMs } = message;
  const facts = [
    ['State', message.state],
    ['Address', `${message.kind} ${message.address}`],
    ['Protocol', message.protocol.toUpperCase()],
    ['Sent', momentInUtc(message.timestampMs)],
    ['Durable', message.durable ? 'yes' : 'no'],
    ['Priority', String(message.priority)],
    ['Failed deliveries', String(message.failedDeliveries)],
    ['Stored', bytes(message.bytes)],
    ...(expiresAtMs === null ? [] : [['Expires', momentInUtc(expiresAtMs)] as const]),
    ...(deliverAtMs === null ? [] : [['Delivered from', momentInUtc(deliverAtMs)] as const]),
  ] as const;
  return (
    <dl class="figures">
      {facts.map(([title, text]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function Headers({ headers }: Pick<MessageView, 'headers'>) {
  const all = Object.entries(headers);
  return (
    <section class="card">
      <h2>Headers</h2>
      {all.length === 0 ? (
        <p class="empty">It has none.</p>
      ) : (
        <dl class="headers">
          {all.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <code>{value}</code>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
