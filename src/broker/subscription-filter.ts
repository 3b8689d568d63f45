/** Which messages of a topic reach a subscription: those that its selector wants, and none of its own client when it says so. */
import type { PropertySource } from '../selector/property-source.js';
import type { Selector } from '../selector/selector.js';

export class SubscriptionFilter {
  private readonly selector: Selector | null;
  /** What this client sends does not reach it; null: everybody's does. */
  private readonly excludedClientId: string | null;

  constructor(selector: Selector | null, excludedClientId: string | null) {
    this.selector = selector;
    this.excludedClientId = excludedClientId;
  }

  /** `propertyOf`: called only when a selector has to look into the message. */
  lets(clientId: string, propertyOf: () => PropertySource): boolean {
    if (clientId === this.excludedClientId) return false;
    return this.selector === null || this.selector.matches(propertyOf());
  }
}
