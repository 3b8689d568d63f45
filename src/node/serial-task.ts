/** Runs one task at a time; calls that come meanwhile share the next run. */
export class SerialTask {
  readonly #task: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /** Resolves when a run that began after this call is done. */
  run(): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#task().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.run();
      });
    return this.#next;
  }

  /** Resolves when no run is under way, and none is to follow. */
  async idle(): Promise<void> {
    for (;;) {
      const run = this.#next ?? this.#running;
      if (run === null) return;
      await run.catch(() => undefined);
    }
  }
}
