/**
 * A node that is made to fail, the victim, beside a sound one, the partner, under a checked load.
 * The partner serves before and after; each victim is a process of its own.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { EPOCHS_KEPT } from '../../../src/ownership/epoch.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { CheckedLoad } from '../checked-load.js';
import { eventually } from '../eventually.js';
import { KeptMessages } from '../kept-messages.js';
import type { NodeProcess, Settings } from '../node-process.js';
import { TestStore } from '../test-store.js';
import type { FailpointScenario } from './failpoints.js';
import type { Fault } from './fault.js';

/** Segments roll, and sparse ones are compacted, several times a second. */
const SETTINGS: Settings = {
  HOLDFAST_JOURNAL_SEGMENT_BYTES: '262144',
  HOLDFAST_JOURNAL_MAX_BATCH_BYTES: '65536',
  HOLDFAST_OWNERSHIP_CHECK_INTERVAL_MS: '100',
  HOLDFAST_OWNERSHIP_FRESH_MS: '500',
  // A victim that dies before it has gone live is not waited for long.
  HOLDFAST_OWNERSHIP_HANDOVER_TIMEOUT_MS: '500',
};
/** Enough to fill several segments a second, and no more: most of the time goes into starting nodes. */
const LOAD = { bodyBytes: 6_000, consumers: 1, window: 5, pauseMs: 8 } as const;
/** All of them together stay below half a segment, so that one that holds them is always sparse. */
const KEPT_PER_VICTIM = 2;
const NAME_DIGITS = 10;
const EARLIER_EPOCH = '0000000001';

export class FaultyPair {
  readonly store: TestStore;
  readonly load: CheckedLoad;
  readonly #kept: KeptMessages;
  /** All processes so far. */
  readonly processes: NodeProcess[];
  #partner: NodeProcess;

  private constructor(
    store: TestStore,
    load: CheckedLoad,
    kept: KeptMessages,
    partner: NodeProcess,
  ) {
    this.store = store;
    this.load = load;
    this.#kept = kept;
    this.#partner = partner;
    this.processes = [partner];
  }

  /** The partner is live, and each later tenure has an epoch to forget. */
  static async start(test: TestContext): Promise<FaultyPair> {
    const store = await TestStore.make(test, SETTINGS);
    await leaveEpochs(store.layout);
    const partner = await store.startFaulty('partner', []).untilRole('live');
    const load = await CheckedLoad.start(test, { ...LOAD, findServer: store.findServer });
    return new FaultyPair(store, load, new KeptMessages(store), partner);
  }

  /** Starts a victim and brings it to where it can fail. */
  async startVictim(
    scenario: FailpointScenario,
    faults: readonly Fault[],
    settings: Settings = {},
  ): Promise<NodeProcess> {
    await this.#kept.add(KEPT_PER_VICTIM);
    const victim = this.store.startFaulty('victim', faults, settings);
    this.processes.push(victim);
    if (scenario === 'join') return victim;
    await this.store.untilReady(victim);
    if (scenario === 'take-over') await this.#replacePartner(victim);
    else if (scenario === 'stop') await this.#stopAlone(victim);
    else await this.#handOverTo(victim);
    if (scenario === 'hand-over') await this.#askUntilGone(victim);
    return victim;
  }

  /** The victim is gone: the partner serves, and what was confirmed before is not lost (P1, P5). */
  async partnerServes(): Promise<void> {
    await this.#partner.until('the partner is live', () => this.#partner.role === 'live');
    await this.load.confirmsMore(20);
  }

  /** Checks everything that was confirmed since the start. */
  async finish(): Promise<void> {
    await this.load.finish();
    await this.#kept.check();
  }

  /** kill -9 of the partner; another one comes when the victim is at it. */
  async #replacePartner(victim: NodeProcess): Promise<void> {
    await leaveLeftovers(this.store);
    await this.#partner.kill();
    await untilNoBackup(victim);
    this.#startPartner();
  }

  /** With a ready backup the victim would hand over instead. */
  async #stopAlone(victim: NodeProcess): Promise<void> {
    await this.#partner.kill();
    await victim.untilRole('live');
    victim.signal('SIGTERM');
    this.#startPartner();
  }

  #startPartner(): void {
    this.#partner = this.store.startFaulty('partner', []);
    this.processes.push(this.#partner);
  }

  /** Much quicker than a kill, because no process has to start. */
  async #handOverTo(victim: NodeProcess): Promise<void> {
    await eventually('the partner has seen that the victim is ready', async () => {
      const { accepted } = await this.store.requestHandover(victim.name);
      return accepted;
    });
    await untilNoBackup(victim);
  }

  /** A request is refused until the victim has seen that its partner is ready. */
  async #askUntilGone(victim: NodeProcess): Promise<void> {
    await victim.untilRole('live');
    await this.store.untilReady(this.#partner);
    await eventually('the victim is gone', async () => {
      if (victim.isRunning) {
        await Promise.race([victim.ended, this.store.requestHandover(this.#partner.name)]);
      }
      return !victim.isRunning;
    });
  }
}

async function untilNoBackup(victim: NodeProcess): Promise<void> {
  await eventually('the victim takes over', () => !victim.isRunning || victim.role !== 'backup');
}

/** As many tenures as are remembered, so that every later one forgets one. */
async function leaveEpochs({ epochsDirectory }: StoreLayout): Promise<void> {
  await mkdir(epochsDirectory);
  for (let epoch = 1; epoch <= EPOCHS_KEPT; epoch += 1) {
    await writeFile(join(epochsDirectory, String(epoch).padStart(NAME_DIGITS, '0')), '');
  }
}

/** What a node leaves that is killed while it copies the tail in a takeover, and in a checkpoint. */
async function leaveLeftovers(store: TestStore): Promise<void> {
  const { journalDirectory } = store.layout;
  const live = await store.live();
  const number = String(live?.position.segment ?? 1).padStart(NAME_DIGITS, '0');
  const zeros = Buffer.alloc(1_024);
  await writeFile(join(journalDirectory, `${number}-${EARLIER_EPOCH}.segment`), zeros);
  const sequence = '0'.repeat(15);
  await writeFile(join(journalDirectory, `${EARLIER_EPOCH}-${sequence}1.checkpoint`), zeros);
}
