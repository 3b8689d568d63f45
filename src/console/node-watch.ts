/**
 * What the page knows of the broker, kept current: the report of its node each second, queues by server-sent events
 * (by asking, while there is no stream), the live node's counters, and the history of tenures when the role changes.
 * When its node answers no more, it goes to another one of the store that does.
 */

import type { QueueFacts } from '../broker/facts.js';
import type { TenureView } from '../node/administration.js';
import type { NodeReport } from '../node/node-report.js';
import type { ClusterAnswer, FiguresAnswer, QueuesAnswer } from './answers.js';
import { call, Problem } from './api.js';
import { readEvents } from './event-stream.js';
import { FiguresHistory } from './figures-history.js';
import { Observable } from './observable.js';
import { findAnotherNode } from './other-nodes.js';
import { askWhoIsHere, isLoggedIn, may, maySomewhere, session, shouldAskAgain } from './session.js';

const ASK_EACH_MS = 1_000;
const ANSWER_LIMIT_MS = 3_000;
/** One answer may be late for many reasons. */
const FAILURES_THAT_COUNT = 2;

export interface NodeNews {
  /** Of the node that this page came from, as it was when it answered last. */
  readonly own: NodeReport | null;
  /** Null while it answers; else since when not, of the wall clock. */
  readonly silentSinceMs: number | null;
  /** Of the live node, where this user may see it and it answers. */
  readonly figures: FiguresAnswer | null;
}

export const news = new Observable<NodeNews>({ own: null, silentSinceMs: null, figures: null });
export const queues = new Observable<ReadonlyMap<string, QueueFacts>>(new Map());
/** Null before they are known, or where this user may not see them. */
export const tenures = new Observable<readonly TenureView[] | null>(null);
export const history = new FiguresHistory();

let failures = 0;
let isStreaming = false;
let tenuresAre = '';

export function watchNode(): void {
  void repeat(askNode);
  void repeat(followEvents);
  session.listen(() => {
    tenuresAre = '';
    if (!may('view')) tenures.set(null);
    queues.set(new Map([...queues.value].filter(([name]) => may('view', name))));
  });
}

async function repeat(work: () => Promise<void>): Promise<void> {
  for (;;) {
    const beganMs = performance.now();
    await work().catch((error: unknown) => console.error(error));
    const restMs = Math.max(0, ASK_EACH_MS - (performance.now() - beganMs));
    await new Promise((resolve) => setTimeout(resolve, restMs));
  }
}

async function askNode(): Promise<void> {
  let own: NodeReport;
  try {
    own = await call<NodeReport>('GET', '/node', { limitMs: ANSWER_LIMIT_MS });
    if (shouldAskAgain() || failures > 0) await askWhoIsHere();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    await onSilence();
    return;
  }
  failures = 0;
  const figures = await unlessRefused(askFigures);
  news.set({ own, silentSinceMs: null, figures });
  if (figures !== null) history.add(figures);
  await askTenures(own);
  if (!isStreaming) await unlessRefused(askQueues);
}

async function onSilence(): Promise<void> {
  failures += 1;
  const { own, silentSinceMs } = news.value;
  news.set({ own, silentSinceMs: silentSinceMs ?? Date.now(), figures: null });
  if (failures >= FAILURES_THAT_COUNT && own !== null) await findAnotherNode(own);
}

async function askFigures(): Promise<FiguresAnswer | null> {
  if (!isLoggedIn() || !may('view')) return null;
  return call<FiguresAnswer>('GET', '/figures', { limitMs: ANSWER_LIMIT_MS });
}

async function askQueues(): Promise<void> {
  if (!isLoggedIn() || !maySomewhere('view')) return;
  const answer = await call<QueuesAnswer>('GET', '/queues', { limitMs: ANSWER_LIMIT_MS });
  queues.set(new Map(answer.queues.map((queue) => [queue.name, queue])));
}

/** The store is asked for them, so only when there may be another one. */
async function askTenures({ role, epoch, live }: NodeReport): Promise<void> {
  const moment = `${role} ${epoch} ${live?.node} ${live?.epoch}`;
  if (moment === tenuresAre || !isLoggedIn() || !may('view')) return;
  const answer = await unlessRefused(() => call<ClusterAnswer>('GET', '/cluster'));
  if (answer === null) return;
  tenures.set(answer.tenures);
  tenuresAre = moment;
}

/** Nobody may be live at this moment, or the live node not be reached: it is asked again. */
async function unlessRefused<Answer>(ask: () => Promise<Answer>): Promise<Answer | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Problem) return null;
    throw error;
  }
}

async function followEvents(): Promise<void> {
  if (!isLoggedIn() || !maySomewhere('view')) return;
  const ended = new AbortController();
  const stop = session.listen(() => ended.abort());
  try {
    await readEvents('/events', ended.signal, ({ event, data }) => {
      if (event !== 'queues') return;
      const { changed, removed } = JSON.parse(data) as {
        readonly changed: readonly QueueFacts[];
        readonly removed: readonly string[];
      };
      const next = isStreaming ? new Map(queues.value) : new Map<string, QueueFacts>();
      isStreaming = true;
      for (const queue of changed) next.set(queue.name, queue);
      for (const name of removed) next.delete(name);
      queues.set(next);
    });
  } catch (error) {
    if (!(error instanceof Problem) && !isEndOfStream(error)) throw error;
  } finally {
    isStreaming = false;
    stop();
  }
}

/** A stream whose node is gone ends by a TypeError, and one that was given up by an AbortError. */
function isEndOfStream(error: unknown): boolean {
  return error instanceof TypeError || (error as Error).name === 'AbortError';
}
