/** Something to wait for again and again: whoever waits is woken by the next `raise`. */
export class Signal {
  #wakers: (() => void)[] = [];

  raise(): void {
    for (const wake of this.#wakers.splice(0)) {
      wake();
    }
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakers.push(resolve);
    });
  }
}
