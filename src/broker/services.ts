/** What the parts of the live broker share: its limits, clock, counts and surroundings. */

import type { PropertySource } from '../selector/property-source.js';
import type { AddressRules } from './address-settings.js';
import type { ContentKind, DeadLetterFacts, Destination, SelectableMessage } from './api.js';
import type { Drops } from './drops.js';
import type { LiveCounts } from './facts.js';
import type { BodySource, BrokerLimits } from './host.js';

/** Returns `headers` with the facts added, in the codec of `contentKind`. */
type DeadLetterHeaders = (
  contentKind: ContentKind,
  headers: Uint8Array,
  facts: DeadLetterFacts,
) => Uint8Array;

/** Where a dead letter was sent first, as `DeadLetterHeaders` wrote it; null when it does not say. */
type OriginalDestination = (contentKind: ContentKind, headers: Uint8Array) => Destination | null;

/** Reads what a selector names, in the codec of the message; valid until the next call. */
type PropertiesOf = (message: SelectableMessage) => PropertySource;

/** What the broker leaves to the protocol that a message came by. */
export interface MessageContents {
  readonly deadLetterHeaders: DeadLetterHeaders;
  readonly originalDestination: OriginalDestination;
  readonly propertiesOf: PropertiesOf;
}

export interface BrokerServices {
  /** Runs the task in a later turn of the event loop. */
  readonly later: (task: () => void) => void;
  readonly limits: BrokerLimits;
  readonly rules: AddressRules;
  readonly wallMs: () => number;
  readonly mayDeliver: () => boolean;
  readonly bodies: BodySource;
  readonly contents: MessageContents;
  readonly counts: LiveCounts;
  readonly drops: Drops;
}
