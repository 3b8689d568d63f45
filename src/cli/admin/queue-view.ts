/** Queues, messages and connections as lines for people. */

import type { ConnectionFacts, QueueFacts } from '../../broker/facts.js';
import type { MessageView } from '../../node/message-view.js';
import { bytesText, dateText, knownNumber, plainLine, tableLines } from '../text.js';

const BODY_COLUMNS = 60;

export function queueLines(queues: readonly QueueFacts[]): string[] {
  if (queues.length === 0) return ['There are no queues.'];
  const head = ['Queue', 'Messages', 'Ready', 'Unacknowledged', 'Consumers', 'Size', ''];
  const rows = queues.map((queue) => [
    plainLine(queue.name),
    String(queue.messages),
    knownNumber(queue.ready),
    knownNumber(queue.unacknowledged),
    knownNumber(queue.consumers),
    bytesText(queue.bytes),
    marks(queue),
  ]);
  return [...tableLines(head, rows), ...noteOfBackup(queues)];
}

export function statLines(queue: QueueFacts): string[] {
  const { messages, ready, unacknowledged, oldestAtMs, counts } = queue;
  const isKnown = ready !== null && unacknowledged !== null;
  const waiting = isKnown ? Math.max(0, messages - ready - unacknowledged) : null;
  const rows = tableLines(
    ['Queue', plainLine(queue.name)],
    [
      ['Messages', String(messages)],
      ['  ready', knownNumber(ready)],
      ['  unacknowledged', knownNumber(unacknowledged)],
      ['  delayed or in transactions', knownNumber(waiting)],
      ['Size', bytesText(queue.bytes)],
      ['Oldest', oldestAtMs === null ? 'none' : dateText(oldestAtMs)],
      ['Consumers', knownNumber(queue.consumers)],
      ['Arrived', knownNumber(counts?.arrived ?? null)],
      ['Acknowledged', knownNumber(counts?.acknowledged ?? null)],
      ['Expired', knownNumber(counts?.expired ?? null)],
      ['Dead letters', knownNumber(counts?.deadLettered ?? null)],
      ['Marks', marks(queue) || 'none'],
    ],
  );
  return [...rows, ...noteOfBackup([queue])];
}

function noteOfBackup(queues: readonly QueueFacts[]): string[] {
  if (queues.every(({ counts }) => counts !== null)) return [];
  return ['A backup has answered, as far as it has followed: - is what only the live node knows.'];
}

function marks({ paused, temporary, deadLetters }: QueueFacts): string {
  const all = { paused, temporary, 'dead letters': deadLetters };
  const names = Object.entries(all).flatMap(([name, isSet]) => (isSet ? [name] : []));
  return names.join(', ');
}

export function messageLines(messages: readonly MessageView[]): string[] {
  if (messages.length === 0) return ['There are no such messages.'];
  const head = ['Id', 'State', 'Sent', 'Size', 'Failed', 'Body'];
  const rows = messages.map((message) => [
    String(message.id),
    message.state,
    dateText(message.timestampMs),
    bytesText(message.body.bytes),
    String(message.failedDeliveries),
    plainLine(bodyText(message)).slice(0, BODY_COLUMNS),
  ]);
  return tableLines(head, rows);
}

/** With its headers and its whole body. */
export function detailLines(message: MessageView): string[] {
  const { id, state, durable, priority, timestampMs, expiresAtMs, deliverAtMs } = message;
  const facts: [string, string][] = [
    ['Id', String(id)],
    ['State', state],
    ['Sent', `${dateText(timestampMs)} by ${message.protocol}`],
    ['Durable', durable ? 'yes' : 'no'],
    ['Priority', String(priority)],
    ['Failed deliveries', String(message.failedDeliveries)],
  ];
  if (expiresAtMs !== null) facts.push(['Expires', dateText(expiresAtMs)]);
  if (deliverAtMs !== null) facts.push(['Deliver at', dateText(deliverAtMs)]);
  for (const [name, value] of Object.entries(message.headers)) {
    facts.push([plainLine(name), plainLine(value)]);
  }
  const cut = message.body.truncated ? [`(cut; ${message.body.bytes} bytes in all)`] : [];
  const body = bodyText(message).split(/\r?\n/).map(plainLine);
  return [...tableLines(['Message', plainLine(message.address)], facts), '', ...body, ...cut];
}

function bodyText({ body }: MessageView): string {
  return body.encoding === 'json' ? JSON.stringify(body.value) : String(body.value);
}

export function connectionLines(connections: readonly ConnectionFacts[]): string[] {
  if (connections.length === 0) return ['There are no connections.'];
  const head = ['Id', 'Client', 'Client id', 'Consumers', 'Unacknowledged', ''];
  const rows = connections.map((connection) => [
    String(connection.id),
    plainLine(connection.description),
    plainLine(connection.clientId ?? ''),
    String(connection.consumers),
    String(connection.unacknowledged),
    connection.held ? 'held back' : '',
  ]);
  return tableLines(head, rows);
}
