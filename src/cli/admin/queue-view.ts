/** Queues, messages and connections as lines for people. */

import type { ConnectionFacts, QueueFacts } from '../../broker/facts.js';
import type { MessageView } from '../../node/message-view.js';
import { bytesText, dateText, plainLine, tableLines } from '../text.js';

const BODY_COLUMNS = 60;

export function queueLines(queues: readonly QueueFacts[]): string[] {
  if (queues.length === 0) return ['There are no queues.'];
  const head = ['Queue', 'Messages', 'Ready', 'Unacknowledged', 'Consumers', 'Size', ''];
  const rows = queues.map((queue) => [
    plainLine(queue.name),
    String(queue.messages),
    String(queue.ready),
    String(queue.unacknowledged),
    String(queue.consumers),
    bytesText(queue.bytes),
    marks(queue),
  ]);
  return tableLines(head, rows);
}

export function statLines(queue: QueueFacts): string[] {
  const waiting = queue.messages - queue.ready - queue.unacknowledged;
  return tableLines(
    ['Queue', plainLine(queue.name)],
    [
      ['Messages', String(queue.messages)],
      ['  ready', String(queue.ready)],
      ['  unacknowledged', String(queue.unacknowledged)],
      ['  delayed or in transactions', String(Math.max(0, waiting))],
      ['Size', bytesText(queue.bytes)],
      ['Oldest', queue.oldestAtMs === null ? 'none' : dateText(queue.oldestAtMs)],
      ['Consumers', String(queue.consumers)],
      ['Arrived', String(queue.counts.arrived)],
      ['Acknowledged', String(queue.counts.acknowledged)],
      ['Expired', String(queue.counts.expired)],
      ['Dead letters', String(queue.counts.deadLettered)],
      ['Marks', marks(queue) || 'none'],
    ],
  );
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
