/** What the broker's parts know of one client connection besides its session's commands. */

import type { ClientIdentity, SessionEvents } from './api.js';

let clients = 0;

export class Client {
  readonly events: SessionEvents;
  /** Unique as long as this process runs. */
  readonly id: number;
  /** It did not say what it is called. */
  readonly isAnonymous: boolean;
  /** The node itself. */
  readonly isOfNode: boolean;
  /** As it calls itself; of one that does not, something that nobody else is called. */
  readonly clientId: string;
  /** Nobody else who says the same may have its id. */
  readonly isExclusive: boolean;
  /** Names the client in errors. */
  readonly description: string;
  closed = false;
  /** It has sent a message, so holding producers back concerns it. */
  sends = false;
  /** Reasons for which it is held back at this moment. */
  holds = 0;

  constructor(
    events: SessionEvents,
    description: string,
    { clientId = null, isExclusive = false, isOfNode = false }: ClientIdentity = {},
  ) {
    this.events = events;
    clients += 1;
    this.id = clients;
    this.isOfNode = isOfNode;
    this.isAnonymous = clientId === null;
    this.clientId = clientId ?? `\0${clients}`;
    this.description = description;
    this.isExclusive = isExclusive;
  }
}
