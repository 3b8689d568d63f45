/** Where to reply, in the words of the other protocol. */
import { TEMPORARY_PREFIX } from '../../broker/api.js';

/** `/queue/NAME` and `/topic/NAME` as an AMQP client writes them; anything else stays. */
export function amqpAddressOf(destination: string): string {
  const match = /^\/(queue|topic)\/(.+)$/s.exec(destination);
  return match === null ? destination : `${match[1]}://${match[2]}`;
}

/** A name without a prefix is a queue's. */
export function stompDestinationOf(address: string): string {
  const match = /^(queue|topic):\/\/(.+)$/s.exec(address);
  if (match !== null) return `/${match[1]}/${match[2]}`;
  if (address.startsWith('/')) return address;
  const isTopic = address.startsWith(`${TEMPORARY_PREFIX}topic:`);
  return `/${isTopic ? 'topic' : 'queue'}/${address}`;
}
