/**
 * What is set for an address: the rules whose patterns its name matches, the most exact first, and
 * for what none of them says the limits of the broker. Only the live node acts on it: what a backup
 * applies does not depend on its configuration.
 */

import { type Destination, type IncomingMessage, TEMPORARY_PREFIX } from './api.js';
import type { BrokerLimits } from './host.js';
import { isPattern, TopicPatterns } from './topic-patterns.js';

/** What a queue does with a message that it has no room for. */
export const WHEN_FULL = ['block', 'drop', 'reject'] as const;
type WhenFull = (typeof WHEN_FULL)[number];

export const DEAD_LETTER_PREFIX = 'DLQ.';
/** Of topics for which there may be no more queues. */
export const OTHER_DEAD_LETTERS = `${DEAD_LETTER_PREFIX}others`;
/** Of `maxRedeliveryDelayMs` to the first delay, as in Artemis. */
const DELAY_GROWTH = 10;
/** Names whose settings are remembered; then all are looked up anew. */
const MAX_REMEMBERED = 10_000;
const ONE_WORD = '*';
const ANY_WORDS: ReadonlySet<string> = new Set(['>', '#']);

/** Settings of all addresses whose names match `pattern`: see topic-patterns.ts. */
export interface AddressRule {
  readonly pattern: string;
  /** Where messages go that failed too often; empty: nowhere, they are dropped. */
  readonly deadLetterAddress?: string;
  /** Where messages go that expired; empty: nowhere, they are dropped. */
  readonly expiryAddress?: string;
  readonly maxMessages?: number;
  readonly maxBytes?: number;
  readonly whenFull?: WhenFull;
  readonly maxDeliveries?: number;
  readonly redeliveryDelayMs?: number;
  readonly redeliveryDelayMultiplier?: number;
  readonly maxRedeliveryDelayMs?: number;
  readonly duplicateIds?: number;
  readonly defaultTimeToLiveMs?: number;
  readonly maxTimeToLiveMs?: number;
}

/** All of it, for one address. */
export interface AddressSettings
  extends Readonly<Required<Omit<AddressRule, 'pattern' | 'deadLetterAddress' | 'duplicateIds'>>> {
  /** The address's own name: messages stay where they are. Null: `DLQ.` and the name of the address. */
  readonly deadLetterAddress: string | null;
  readonly duplicateIds: number;
  /** The same, where the address has a number of its own; else null. */
  readonly ownDuplicateIds: number | null;
}

export class AddressRules {
  /** Some address has one, so that every message has to be looked at. */
  private haveTimesToLive = false;
  private hasRejecting = false;
  private readonly limits: BrokerLimits;
  private patterns = new TopicPatterns<AddressRule>();
  private deadLetterAddresses: ReadonlySet<string> = new Set();
  private readonly remembered = new Map<string, AddressSettings>();
  private lastDestination: Destination | null = null;
  private lastSettings: AddressSettings | null = null;

  constructor(rules: readonly AddressRule[], limits: BrokerLimits) {
    this.limits = limits;
    this.use(rules);
  }

  /** In place of those of before. Whoever keeps settings has to ask for them again. */
  use(rules: readonly AddressRule[]): void {
    this.patterns = new TopicPatterns();
    for (const rule of rules) this.patterns.add(rule.pattern, rule);
    this.remembered.clear();
    this.lastDestination = null;
    this.deadLetterAddresses = new Set(rules.flatMap((rule) => rule.deadLetterAddress || []));
    this.hasRejecting = rules.some(({ whenFull }) => whenFull === 'reject');
    this.haveTimesToLive = rules.some(
      ({ defaultTimeToLiveMs = 0, maxTimeToLiveMs = 0 }) =>
        defaultTimeToLiveMs + maxTimeToLiveMs > 0,
    );
  }

  /** Some queue may refuse a transaction, which has to be judged before it is published. */
  get canReject(): boolean {
    return this.hasRejecting;
  }

  /** A subscription with wildcards has what its own name has, as if it were one. */
  settingsFor(destination: Destination): AddressSettings {
    if (destination !== this.lastDestination || this.lastSettings === null) {
      this.lastDestination = destination;
      this.lastSettings = this.rememberedFor(destination);
    }
    return this.lastSettings;
  }

  /** The same message, unless its address says how long it lives. */
  withTimeToLive(message: IncomingMessage, nowMs: number): IncomingMessage {
    if (!this.haveTimesToLive) return message;
    const settings = this.settingsFor(message.destination);
    const expiresAtMs = expiryOf(settings, message.expiresAtMs, nowMs);
    return expiresAtMs === message.expiresAtMs ? message : { ...message, expiresAtMs };
  }

  /** Whether failed messages end there: it is named like one, or a rule names it. */
  private isDeadLetterAddress(name: string): boolean {
    return name.startsWith(DEAD_LETTER_PREFIX) || this.deadLetterAddresses.has(name);
  }

  private rememberedFor(destination: Destination): AddressSettings {
    const key = `${destination.kind}/${destination.name}`;
    const known = this.remembered.get(key);
    if (known !== undefined) return known;
    const settings = this.resolve(destination);
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    this.remembered.set(key, settings);
    return settings;
  }

  private resolve(destination: Destination): AddressSettings {
    const { name } = destination;
    // Answers are for who asked: what is for every address is not for those.
    const isTemporary = name.startsWith(TEMPORARY_PREFIX);
    const rules = isTemporary ? [] : mostExactFirst(this.patterns.matching(name));
    const said: Omit<AddressRule, 'pattern'> = Object.assign({}, ...rules.toReversed());
    const { redeliveryDelayMs = this.limits.redeliveryDelayMs, duplicateIds } = said;
    return {
      deadLetterAddress: this.deadLetterAddressOf(destination, rules),
      expiryAddress: said.expiryAddress ?? '',
      maxMessages: said.maxMessages ?? this.limits.queueMaxMessages,
      maxBytes: said.maxBytes ?? this.limits.queueMaxBytes,
      whenFull: said.whenFull ?? 'block',
      maxDeliveries: said.maxDeliveries ?? this.limits.maxDeliveries,
      redeliveryDelayMs,
      redeliveryDelayMultiplier: said.redeliveryDelayMultiplier ?? 1,
      maxRedeliveryDelayMs: said.maxRedeliveryDelayMs ?? DELAY_GROWTH * redeliveryDelayMs,
      duplicateIds: duplicateIds ?? this.limits.duplicateIdsPerAddress,
      ownDuplicateIds: duplicateIds ?? null,
      defaultTimeToLiveMs: said.defaultTimeToLiveMs ?? 0,
      maxTimeToLiveMs: said.maxTimeToLiveMs ?? 0,
    };
  }

  /** What is in a dead-letter queue stays there, unless a rule for just that queue says where it goes on. */
  private deadLetterAddressOf(
    { kind, name }: Destination,
    rules: readonly AddressRule[],
  ): string | null {
    if (kind !== 'queue' || !this.isDeadLetterAddress(name)) {
      return rules.find((rule) => rule.deadLetterAddress !== undefined)?.deadLetterAddress ?? null;
    }
    return rules.find(({ pattern }) => pattern === name)?.deadLetterAddress ?? name;
  }
}

/** How long a message that has failed so often waits for its next delivery. */
export function redeliveryDelay(settings: AddressSettings, failures: number): number {
  const { redeliveryDelayMs, redeliveryDelayMultiplier, maxRedeliveryDelayMs } = settings;
  if (redeliveryDelayMs === 0) return 0;
  const grown = redeliveryDelayMs * redeliveryDelayMultiplier ** (failures - 1);
  return Math.floor(Math.min(grown, Math.max(maxRedeliveryDelayMs, redeliveryDelayMs)));
}

/** When a message of this address expires; 0: never. */
function expiryOf(settings: AddressSettings, expiresAtMs: number, nowMs: number): number {
  const { defaultTimeToLiveMs, maxTimeToLiveMs } = settings;
  const wanted =
    expiresAtMs === 0 && defaultTimeToLiveMs > 0 ? nowMs + defaultTimeToLiveMs : expiresAtMs;
  if (maxTimeToLiveMs === 0) return wanted;
  const latest = nowMs + maxTimeToLiveMs;
  return wanted === 0 ? latest : Math.min(wanted, latest);
}

/** `a.>` and `a.#` mean the same. */
export function canonicalPattern(pattern: string): string {
  return pattern.replace(/(^|\.)#$/, '$1>');
}

/** Of rules that all match the same name. */
function mostExactFirst(rules: readonly AddressRule[]): readonly AddressRule[] {
  return rules.toSorted((one, other) => compareExactness(one.pattern, other.pattern));
}

/**
 * Negative when `one` is the more exact of two patterns that match the same name: a name without
 * wildcards, then those for a certain number of words, then those for any number, the longer ones
 * first; and of two that are still alike, the one that has its first word sooner where the other has `*`.
 */
function compareExactness(one: string, other: string): number {
  const byWildcards = Number(isPattern(one)) - Number(isPattern(other));
  if (byWildcards !== 0) return byWildcards;
  const [words, otherWords] = [one.split('.'), other.split('.')];
  const isOpen = ANY_WORDS.has(words.at(-1) as string);
  const isOtherOpen = ANY_WORDS.has(otherWords.at(-1) as string);
  if (isOpen !== isOtherOpen) return Number(isOpen) - Number(isOtherOpen);
  if (words.length !== otherWords.length) return otherWords.length - words.length;
  for (const [index, word] of words.entries()) {
    const byWord = Number(word === ONE_WORD) - Number(otherWords[index] === ONE_WORD);
    if (byWord !== 0) return byWord;
  }
  return 0;
}
