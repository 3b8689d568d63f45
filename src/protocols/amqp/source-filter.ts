/**
 * What a receiver asks of its source (OASIS AMQP 1.0, part 3, 3.5.8): the filters that JMS clients use,
 * known by their descriptors in the registry of filters. Any other one is refused: a receiver that gets
 * what it did not ask for would be worse off than one that gets nothing.
 */

import { HoldfastError } from '../../platform/errors.js';
import { parseSelector } from '../../selector/selector.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import { type AmqpValue, DescribedValue, ValueReader } from './value-reader.js';

export interface SourceFilter {
  readonly selector: string | null;
  readonly noLocal: boolean;
}

const SELECTOR: ReadonlySet<AmqpValue> = new Set<AmqpValue>([
  'apache.org:selector-filter:string',
  0x0000_468c_0000_0004,
]);
const NO_LOCAL: ReadonlySet<AmqpValue> = new Set<AmqpValue>([
  'apache.org:no-local-filter:list',
  0x0000_468c_0000_0003,
]);

export function readFilter(raw: Uint8Array | null): SourceFilter {
  let selector: string | null = null;
  let noLocal = false;
  const filters = raw === null ? null : new ValueReader(raw).value();
  if (filters === null) return { selector, noLocal };
  if (!(filters instanceof Map)) throw invalid('The filter of a source is no map');
  for (const [name, filter] of filters as ReadonlyMap<AmqpValue, AmqpValue>) {
    if (filter === null) continue;
    const descriptor = filter instanceof DescribedValue ? filter.descriptor : null;
    if (filter instanceof DescribedValue && SELECTOR.has(descriptor)) {
      selector = selectorText(filter.value);
    } else if (NO_LOCAL.has(descriptor)) {
      noLocal = true;
    } else {
      throw new AmqpError(
        'link',
        CONDITION.notImplemented,
        `Filter "${name}" (${descriptor}) is not offered; there are apache.org:selector-filter:string and apache.org:no-local-filter:list`,
      );
    }
  }
  return { selector, noLocal };
}

/** Null for a blank one, which wants everything. */
function selectorText(value: AmqpValue): string | null {
  if (typeof value !== 'string') throw invalid('A selector is no string');
  if (value.trim() === '') return null;
  try {
    parseSelector(value);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    throw invalid(error.message);
  }
  return value;
}

function invalid(what: string): AmqpError {
  return new AmqpError('link', CONDITION.invalidField, what);
}
