/**
 * What is wrong with the rules for addresses beyond the range of each setting: patterns that are none,
 * names that no queue can have, and dead letters that would go round in a circle.
 */
import {
  type AddressRule,
  AddressRules,
  canonicalPattern,
  DEAD_LETTER_PREFIX,
} from '../broker/address-settings.js';
import { TEMPORARY_PREFIX } from '../broker/api.js';
import { faultOfName } from '../protocols/shared/destination-name.js';
import type { Config } from './schema.js';

const PREFIX = /^(?:\/?(?:queue|topic)\/|(?:queue|topic):\/\/)/;

export interface RuleFault {
  /** Of the setting, or of the rule when its pattern is wrong. */
  readonly path: string;
  /** To follow the path and its place: what it must be, and what it is. */
  readonly sentence: string;
}

/** The first fault of all; null when there is none. */
export function faultOfRules({
  addresses,
  limits,
}: Pick<Config, 'addresses' | 'limits'>): RuleFault | null {
  for (const [index, rule] of addresses.entries()) {
    const fault = faultOfPattern(rule, addresses.slice(0, index)) ?? faultOfTargets(rule);
    if (fault !== null) return fault;
  }
  return circleOf(addresses, new AddressRules(addresses, limits));
}

/** As sentences and `GivenValue` name it. */
export function pathInRule({ pattern }: Pick<AddressRule, 'pattern'>, key?: string): string {
  return key === undefined ? `addresses.${pattern}` : `addresses.${pattern}.${key}`;
}

function faultOfPattern(rule: AddressRule, before: readonly AddressRule[]): RuleFault | null {
  const { pattern } = rule;
  const path = pathInRule(rule);
  const prefix = PREFIX.exec(pattern)?.[0];
  if (prefix !== undefined) {
    const sentence = `must be the name of queues and topics alone; leave "${prefix}" out`;
    return { path, sentence };
  }
  if (pattern.startsWith(TEMPORARY_PREFIX)) {
    const sentence = `is for temporary queues and topics, which take their settings from limits; remove it`;
    return { path, sentence };
  }
  if (faultOfName(pattern, true) !== null) {
    const sentence =
      'must be a name or a pattern: 1 to 1,000 bytes, words with dots between them, * for one word, > or # as the ' +
      'last word for any number, and no commas, question marks or control characters';
    return { path, sentence };
  }
  const same = before.find(
    (other) => canonicalPattern(other.pattern) === canonicalPattern(pattern),
  );
  if (same === undefined) return null;
  return { path, sentence: `means the same as ${pathInRule(same)}; put both under one of them` };
}

function faultOfTargets(rule: AddressRule): RuleFault | null {
  for (const key of ['deadLetterAddress', 'expiryAddress'] as const) {
    const name = rule[key];
    if (name === undefined || name === '') continue;
    const isName =
      faultOfName(name, false) === null && !name.startsWith(TEMPORARY_PREFIX) && !PREFIX.test(name);
    if (isName) continue;
    const sentence = `must be the name of a queue, without a prefix and wildcards, or "", but is "${name}"`;
    return { path: pathInRule(rule, key), sentence };
  }
  return null;
}

/** A message that failed everywhere would go on for ever. */
function circleOf(addresses: readonly AddressRule[], rules: AddressRules): RuleFault | null {
  for (const rule of addresses) {
    const start = rule.deadLetterAddress;
    if (start === undefined || start === '') continue;
    const way = [start];
    for (let name = next(rules, start); name !== null; name = next(rules, name)) {
      if (name === start) {
        const circle = [...way, start].join('" to "');
        const sentence = `leads in a circle: what fails goes from "${circle}"; give one of them another deadLetterAddress`;
        return { path: pathInRule(rule, 'deadLetterAddress'), sentence };
      }
      // A circle that does not come back here is found from one of its own names.
      if (way.includes(name)) break;
      way.push(name);
    }
  }
  return null;
}

/** Where what fails there goes; null: nowhere. */
function next(rules: AddressRules, name: string): string | null {
  const { deadLetterAddress } = rules.settingsFor({ kind: 'queue', name });
  if (deadLetterAddress === null) return DEAD_LETTER_PREFIX + name;
  return deadLetterAddress === name || deadLetterAddress === '' ? null : deadLetterAddress;
}
