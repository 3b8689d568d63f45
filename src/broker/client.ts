/** What the broker's parts know of one client connection besides its session's commands. */

import type { SessionEvents } from './api.js';

export class Client {
  readonly events: SessionEvents;
  /** Names the client in errors. */
  readonly description: string;
  closed = false;
  /** It has sent a message, so holding producers back concerns it. */
  sends = false;
  /** Reasons for which it is held back at this moment. */
  holds = 0;

  constructor(events: SessionEvents, description: string) {
    this.events = events;
    this.description = description;
  }
}
