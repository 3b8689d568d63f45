/**
 * Makes a failing seed short: leaves out faults, clients, messages and nodes as long as the same
 * invariant still breaks. What then remains is what the failure needs.
 */
import type { Fault } from './faults/fault-plan.js';
import type { RunSeed, SeedOverrides, SeedResult } from './seed-result.js';

const MAX_RUNS = 150;
/** Bounds on messages per client that are tried, from the smallest on. */
const MESSAGE_BOUNDS = [1, 3, 10, 30];

export interface Shrunk {
  readonly overrides: Required<Pick<SeedOverrides, 'faults'>> & SeedOverrides;
  readonly result: SeedResult;
  readonly runs: number;
}

export async function shrink(
  runSeed: RunSeed,
  failed: SeedResult,
  maxRuns: number = MAX_RUNS,
): Promise<Shrunk> {
  const shrinker = new Shrinker(runSeed, failed, maxRuns);
  await shrinker.run();
  return shrinker.best;
}

class Shrinker {
  readonly #runSeed: RunSeed;
  readonly #seed: number;
  readonly #invariant: string;
  readonly #maxRuns: number;
  #runs = 0;
  #overrides: Shrunk['overrides'];
  #result: SeedResult;

  constructor(runSeed: RunSeed, failed: SeedResult, maxRuns: number) {
    if (failed.breach === null) throw new Error(`seed ${failed.seed} broke nothing`);
    this.#runSeed = runSeed;
    this.#seed = failed.seed;
    this.#invariant = failed.breach.invariant;
    this.#maxRuns = maxRuns;
    this.#overrides = { faults: failed.plan.faults };
    this.#result = failed;
  }

  get best(): Shrunk {
    return { overrides: this.#overrides, result: this.#result, runs: this.#runs };
  }

  /** Over and over, because what could not be left out at first often can later. */
  async run(): Promise<void> {
    let hasShrunk = true;
    while (hasShrunk) {
      hasShrunk = await this.#leaveOutFaults();
      hasShrunk = (await this.#leaveOutClients()) || hasShrunk;
      hasShrunk = (await this.#leaveOutMessages()) || hasShrunk;
      hasShrunk = (await this.#leaveOutNode()) || hasShrunk;
    }
  }

  /** And then what others bring with them. */
  async #leaveOutFaults(): Promise<boolean> {
    const { faults } = this.#overrides;
    let hasShrunk = await this.#leaveOut<Fault>(faults, (kept) => ({ faults: kept }));
    for (const [index, fault] of this.#overrides.faults.entries()) {
      const without = (next: readonly Fault[]): SeedOverrides => ({
        faults: this.#overrides.faults.with(index, { ...fault, next }),
      });
      hasShrunk = (await this.#leaveOut<Fault>(fault.next ?? [], without)) || hasShrunk;
    }
    return hasShrunk;
  }

  #leaveOutClients(): Promise<boolean> {
    const clients = this.#overrides.clients ?? this.#result.plan.clients;
    return this.#leaveOut<string>(clients, (kept) => ({ clients: kept }));
  }

  async #leaveOutMessages(): Promise<boolean> {
    const bound = this.#overrides.maxMessagesPerClient ?? Number.POSITIVE_INFINITY;
    for (const maxMessagesPerClient of MESSAGE_BOUNDS) {
      if (maxMessagesPerClient >= bound) return false;
      if (await this.#try({ maxMessagesPerClient })) return true;
    }
    return false;
  }

  async #leaveOutNode(): Promise<boolean> {
    const nodeCount = this.#overrides.nodeCount ?? this.#result.plan.nodeCount;
    return nodeCount > 1 && (await this.#try({ nodeCount: nodeCount - 1 }));
  }

  /** Halves first, then quarters, down to single ones. */
  async #leaveOut<Item>(
    all: readonly Item[],
    overridesFor: (kept: readonly Item[]) => SeedOverrides,
  ): Promise<boolean> {
    let kept = all;
    for (let size = Math.ceil(kept.length / 2); size >= 1 && kept.length > 0; ) {
      for (let from = 0; from < kept.length; ) {
        const fewer = kept.filter((_, index) => index < from || index >= from + size);
        if (await this.#try(overridesFor(fewer))) kept = fewer;
        else from += size;
      }
      if (size === 1) break;
      size = Math.ceil(size / 2);
    }
    return kept.length < all.length;
  }

  async #try(fewer: SeedOverrides): Promise<boolean> {
    if (this.#runs >= this.#maxRuns) return false;
    this.#runs += 1;
    const overrides = { ...this.#overrides, ...fewer };
    const result = await this.#runSeed(this.#seed, { overrides });
    if (result.breach?.invariant !== this.#invariant) return false;
    this.#overrides = overrides;
    this.#result = result;
    return true;
  }
}
