/** A value that changes, and those who want to know. */

import { useEffect, useState } from 'preact/hooks';

export class Observable<Value> {
  #value: Value;
  readonly #listeners = new Set<() => void>();

  constructor(value: Value) {
    this.#value = value;
  }

  get value(): Value {
    return this.#value;
  }

  set(value: Value): void {
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }

  /** Returns how to stop. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** For a component that shows it. */
export function useValue<Value>(observable: Observable<Value>): Value {
  const [, draw] = useState(0);
  useEffect(() => observable.listen(() => draw((count) => count + 1)), [observable]);
  return observable.value;
}
