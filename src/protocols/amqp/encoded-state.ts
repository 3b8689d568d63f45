/** Delivery states as bytes, for the raw `state` field of what the broker writes. */
import { type CompositeType, type Given, writeComposite } from './composite.js';
import { ValueWriter } from './value-writer.js';

export function encodedState<Type extends CompositeType<object>>(
  type: Type,
  given: Given<Type>,
): Uint8Array {
  const writer = new ValueWriter();
  writeComposite(writer, type, given as never);
  return writer.written.slice();
}
