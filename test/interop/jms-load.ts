/** What the Java program JmsFailover sends and receives while a node is ended, as a test follows it. */
import { eventually } from '../support/eventually.js';
import { FailoverLedger } from './failover-ledger.js';

const CHANNELS = ['plain', 'transacted', 'topic', 'listener'];
/** On each channel, before the kill and again after it. */
const CONFIRMED_AT_LEAST = 200;
const LOAD_LIMIT_MS = 30_000;
const TRANSACTION_SIZE = 5;
const groupOf = (message: string): string => message.split('.')[0] as string;

/** What JmsFailover tells, in one ledger for each of its channels. */
export class JmsLoad {
  readonly #ledgers = new Map(CHANNELS.map((channel) => [channel, new FailoverLedger()]));

  readonly onLine = (line: string): void => {
    const [channel, event, message] = line.split(' ') as [string, string, string];
    this.#ledgers.get(channel)?.record(event, message);
  };

  /** Of what was sent and confirmed, nothing may be missing, and no transaction be torn. */
  async check(): Promise<void> {
    for (const ledger of this.#ledgers.values()) await ledger.check();
    this.#of('transacted').checkTransactions(groupOf, TRANSACTION_SIZE);
  }

  #of(channel: string): FailoverLedger {
    return this.#ledgers.get(channel) as FailoverLedger;
  }

  noteUnderWay(): void {
    for (const ledger of this.#ledgers.values()) ledger.noteUnderWay();
  }

  async confirmsMore(): Promise<void> {
    const wanted = CHANNELS.map((channel) => this.#of(channel).confirmed.size + CONFIRMED_AT_LEAST);
    await eventually(
      `each channel confirms ${CONFIRMED_AT_LEAST} more`,
      () =>
        CHANNELS.every((channel, at) => this.#of(channel).confirmed.size >= (wanted[at] as number)),
      LOAD_LIMIT_MS,
    );
  }

  get summary(): string {
    return CHANNELS.map((channel) => `${channel}: ${this.#of(channel).summary}`).join('; ');
  }
}
