/** What the broker's parts know of one client connection besides its session's commands. */

import type { SessionEvents } from './api.js';

let anonymousClients = 0;

export class Client {
  readonly events: SessionEvents;
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
    clientId: string | null,
    isExclusive: boolean,
  ) {
    this.events = events;
    anonymousClients += 1;
    this.clientId = clientId ?? `\0${anonymousClients}`;
    this.description = description;
    this.isExclusive = isExclusive;
  }
}
