/** `holdfast pair`: two nodes on this machine, and a table in which a takeover can be watched. */

import { mkdirSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError, messageOf } from '../../platform/errors.js';
import { defineCommand, STORE_OPTION } from '../command.js';
import { EXIT, type ExitCode, endsPair } from '../exit-codes.js';
import { findFreePort } from '../pair/free-ports.js';
import { type NodeEnd, NodeProcess } from '../pair/node-process.js';
import { type PairNews, PairObserver } from '../pair/observer.js';
import {
  endSentence,
  invitation,
  liveSentenceAfter,
  newsLine,
  type PairView,
  pairLines,
} from '../pair/view.js';
import { Screen } from '../screen.js';
import { openStoreReader } from '../status/store-reader.js';
import { type Paint, paintFor } from '../text.js';

const DEFAULT_STORE = './data';
const LOOK_INTERVAL_MS = 200;
const HOST = '127.0.0.1';
const PREFERRED_PORTS = [
  ['a', 61613],
  ['b', 61614],
] as const;
const DEFAULT_PORT = PREFERRED_PORTS[0][1];

export const command = defineCommand({
  options: {
    store: {
      ...STORE_OPTION,
      description: `The directory of the store; default: ${DEFAULT_STORE}`,
    },
  },
  positionals: {},
  examples: [
    ['pair', `Nodes a and b on ${DEFAULT_STORE}`],
    ['pair --store /tmp/store', 'The same elsewhere'],
  ],
  epilogue:
    'The nodes serve STOMP on ports 61613 and 61614 of this machine, or on free ones when those are taken. A node that ends is started again.',
  async run({ store: given }) {
    const store = given || process.env.HOLDFAST_STORE || DEFAULT_STORE;
    makeStoreDirectory(store);
    const pair = new Pair(store);
    return await pair.run();
  },
});

class Pair {
  readonly #store: string;
  readonly #paint: Paint = paintFor(process.stdout);
  readonly #screen = process.stdout.isTTY ? new Screen(process.stdout) : null;
  readonly #observer = new PairObserver();
  #news: string[] = [];
  #nodes: NodeProcess[] = [];
  #liveName: string | null = null;
  #lastLook: Pick<PairView, 'live' | 'nodes'> = { live: null, nodes: [] };
  #stopAsked = false;
  #failure: NodeEnd | null = null;
  #lastProblem = '';

  constructor(store: string) {
    this.#store = store;
  }

  async run(): Promise<ExitCode> {
    this.#stopOnSignals();
    this.#nodes = PREFERRED_PORTS.map(([name, port]) => this.#makeNode(name, `${HOST}:${port}`));
    for (const node of this.#nodes) {
      node.start();
    }
    this.#tell(
      `Starting ${this.#nodes.map((node) => `${node.name} (${node.address})`).join(' and ')} on ${this.#store}.`,
    );
    const reader = openStoreReader(this.#store);
    while (!this.#stopAsked && this.#failure === null) {
      await this.#look(reader);
      await sleep(LOOK_INTERVAL_MS);
    }
    await this.#stopNodes();
    return this.#conclude();
  }

  #makeNode(name: string, address: string): NodeProcess {
    return new NodeProcess({
      name,
      address,
      store: this.#store,
      onEnd: (end, node) => void this.#nodeEnded(end, node),
      onComplaint: (node, sentence) => this.#tell(`${node}: ${sentence}`),
    });
  }

  async #look(reader: ReturnType<typeof openStoreReader>): Promise<void> {
    let look: ReturnType<PairObserver['look']>;
    try {
      look = this.#observer.look(await reader.read(0), this.#nodes);
      this.#lastProblem = '';
    } catch (error) {
      this.#tellProblem(messageOf(error));
      this.#show(this.#view(this.#lastLook));
      return;
    }
    this.#lastLook = look;
    this.#liveName = look.live?.name ?? null;
    const view = this.#view(look);
    for (const news of look.news) {
      const happenedAtMs = news.kind === 'live' ? news.after.sinceMs : Date.now();
      this.#news.push(newsLine(happenedAtMs, describeNews(news, this.#paint), this.#paint));
      if (news.kind === 'live' && this.#screen === null) {
        this.#news.push(...invitation(view, this.#paint));
      }
    }
    this.#show(view);
  }

  #view({ live, nodes }: Pick<PairView, 'live' | 'nodes'>): PairView {
    const program = programName();
    const url = this.#nodes[0]?.address ?? '';
    const options = url.endsWith(`:${DEFAULT_PORT}`) ? '' : ` --url stomp://${url}`;
    return {
      store: this.#store,
      live,
      nodes,
      nowMs: Date.now(),
      sendCommand: `${program} send${options}`,
      receiveCommand: `${program} receive${options}`,
    };
  }

  #show(view: PairView): void {
    const news = this.#news.splice(0);
    if (this.#screen !== null) {
      this.#screen.show(pairLines(view, this.#paint), news);
    } else {
      for (const line of news) {
        process.stdout.write(`${line}\n`);
      }
    }
  }

  #tell(sentence: string): void {
    this.#news.push(newsLine(Date.now(), sentence, this.#paint));
  }

  #tellProblem(problem: string): void {
    if (problem !== this.#lastProblem) {
      this.#lastProblem = problem;
      this.#tell(problem);
    }
  }

  /** A node that never got to work ends the pair when trying again at once would not mend it. */
  async #nodeEnded(end: NodeEnd, node: NodeProcess): Promise<void> {
    if (endsPair(end.code) && !this.#observer.hasServed(end.pid)) {
      if (!(await this.#movedToFreePort(end, node))) this.#failure ??= end;
      return;
    }
    this.#observer.noteEnd(end);
    this.#tell(endSentence(end));
  }

  /**
   * Only the node itself finds out whether a port is taken: one that was looked at beforehand may be
   * somebody else's by the time the node listens. A listener of the configuration stays where it is.
   */
  async #movedToFreePort(end: NodeEnd, node: NodeProcess): Promise<boolean> {
    const { name, address, errorCode, reason } = end;
    if (errorCode !== 'ADDRESS_IN_USE' || !reason.includes(` ${address}. `)) return false;
    if (node.address !== address) return true;
    try {
      node.moveTo(`${HOST}:${await findFreePort(HOST)}`);
    } catch {
      // There is none: what the node said of its own port is the better reason.
      return false;
    }
    this.#tell(`${address} is taken, so ${name} serves on ${node.address}.`);
    return true;
  }

  /** The backup first, so that the live node does not hand over to one that is about to stop. */
  async #stopNodes(): Promise<void> {
    this.#tell('Ending both nodes.');
    this.#show(this.#view(this.#lastLook));
    const backups = this.#nodes.filter((node) => node.name !== this.#liveName);
    const live = this.#nodes.filter((node) => node.name === this.#liveName);
    await Promise.all(backups.map((node) => node.stop()));
    await Promise.all(live.map((node) => node.stop()));
    this.#tell('Both nodes have ended.');
  }

  /** The news stays on the terminal, a table of nodes that are gone does not. */
  #conclude(): ExitCode {
    const news = this.#news.splice(0);
    if (this.#screen === null) {
      process.stdout.write(news.map((line) => `${line}\n`).join(''));
    } else {
      this.#screen.show([], news);
    }
    if (this.#failure === null) {
      return EXIT.ok;
    }
    process.stderr.write(`holdfast: ${this.#failure.reason}\n`);
    return this.#failure.code as ExitCode;
  }

  #stopOnSignals(): void {
    const stop = (): void => {
      if (this.#stopAsked) {
        for (const node of this.#nodes) {
          node.kill();
        }
        process.exit(EXIT.interrupted);
      }
      this.#stopAsked = true;
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, stop);
    }
  }
}

function describeNews(news: PairNews, paint: Paint): string {
  return news.kind === 'live'
    ? liveSentenceAfter(news, paint)
    : `${news.name} is ${news.role === 'backup' ? 'a backup' : news.role}.`;
}

function makeStoreDirectory(store: string): void {
  try {
    mkdirSync(store, { recursive: true });
  } catch (error) {
    throw new HoldfastError(
      'STORE_UNWRITABLE',
      `The store directory ${store} cannot be made (${messageOf(error)}); name another one with --store DIR.`,
      { cause: error },
    );
  }
}

/** What to type to run this program again from here. */
function programName(): string {
  const program = process.argv[1] ?? 'holdfast';
  return basename(program) === 'holdfast' ? 'holdfast' : `node ${relative('', program)}`;
}
