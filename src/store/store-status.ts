/**
 * What `holdfast status` shows, read from the store alone by any host. It takes no lock and writes
 * nothing. Ages compare the clocks of two hosts and are for people; whether somebody is live is
 * told by what changes while we look, or by the pid when it is one of this host.
 */
import type { Clock, FileSystem, HostIdentity } from '../platform/ports.js';
import type { LiveDocument, NodeDocument } from './documents.js';
import { readLiveDocument, readNodeDocuments } from './known-documents.js';
import type { StoreLayout } from './layout.js';
import { inspectStore } from './store-file.js';

export interface NodeStatus extends NodeDocument {
  /** By the wall clocks of the writer's host and this one. */
  readonly ageMs: number;
  /** `unknown`: on another host, and not observed. */
  readonly running: 'yes' | 'no' | 'unknown';
}

export interface StoreStatus {
  /** Null while the store is new and no node has made it yet. */
  readonly storeId: string | null;
  readonly live: LiveDocument | null;
  /** The last one that was written, whether or not its node is still live. */
  readonly lastLive: LiveDocument | null;
  readonly nodes: readonly NodeStatus[];
}

export interface StatusOptions {
  readonly fileSystem: FileSystem;
  readonly layout: StoreLayout;
  readonly clock: Clock;
  readonly reader: Pick<HostIdentity, 'bootId'>;
  readonly isProcessAlive: (pid: number) => boolean;
  /**
   * How long to wait at most for the documents of other hosts to change; twice the status interval
   * tells a dead node from a running one. Zero believes what is written.
   */
  readonly observeMs: number;
}

interface Documents {
  readonly live: LiveDocument | null;
  readonly nodes: readonly NodeDocument[];
}

const OBSERVE_STEP_MS = 100;

export async function readStoreStatus(options: StatusOptions): Promise<StoreStatus> {
  const state = await inspectStore(options.fileSystem, options.layout);
  if (state.kind === 'uninitialised') {
    return { storeId: null, live: null, lastLive: null, nodes: [] };
  }
  const first = await readDocuments(options);
  const last = await observe(options, first);
  const now = options.clock.wallMs();
  return {
    storeId: state.store.storeId,
    live: last.live !== null && isLive(options, first.live, last.live) ? last.live : null,
    lastLive: last.live,
    nodes: last.nodes.map((node) => ({
      ...node,
      ageMs: Math.max(0, now - node.updatedAtMs),
      running: runningOf(options, node, earlierOf(first, node)),
    })),
  };
}

async function readDocuments(options: StatusOptions): Promise<Documents> {
  const { fileSystem, layout } = options;
  const live = await readLiveDocument(fileSystem, layout);
  return {
    live: live.kind === 'valid' ? withoutSecret(live.document) : null,
    nodes: await readNodeDocuments(fileSystem, layout),
  };
}

/** What is shown and kept by others does not let anybody speak for a backup. */
function withoutSecret({ originKey: _, ...shown }: LiveDocument): LiveDocument {
  return shown;
}

/** Reads again until every writer whose pid says nothing here was seen to write, or time is up. */
async function observe(options: StatusOptions, first: Documents): Promise<Documents> {
  const { clock } = options;
  const deadline = clock.monotonicMs() + options.observeMs;
  let last = first;
  while (clock.monotonicMs() < deadline && isAnybodySilent(options, first, last)) {
    await new Promise<void>((resolve) => clock.after(OBSERVE_STEP_MS, resolve));
    last = await readDocuments(options);
  }
  return last;
}

function isAnybodySilent(options: StatusOptions, first: Documents, last: Documents): boolean {
  const silentLive =
    last.live !== null &&
    last.live.state !== 'released' &&
    isElsewhere(options, last.live) &&
    !hasBeaten(first.live, last.live);
  const silentNode = last.nodes.some(
    (node) =>
      node.role !== 'stopped' &&
      isElsewhere(options, node) &&
      !hasBeaten(earlierOf(first, node), node),
  );
  return silentLive || silentNode;
}

function isLive(options: StatusOptions, first: LiveDocument | null, last: LiveDocument): boolean {
  if (last.state === 'released') return false;
  if (!isElsewhere(options, last)) return options.isProcessAlive(last.pid);
  return options.observeMs === 0 || hasBeaten(first, last);
}

function runningOf(
  options: StatusOptions,
  node: NodeDocument,
  earlier: NodeDocument | null,
): NodeStatus['running'] {
  if (node.role === 'stopped') return 'no';
  if (!isElsewhere(options, node)) return options.isProcessAlive(node.pid) ? 'yes' : 'no';
  if (options.observeMs === 0) return 'unknown';
  return hasBeaten(earlier, node) ? 'yes' : 'no';
}

function isElsewhere(options: StatusOptions, writer: { readonly bootId: string }): boolean {
  return writer.bootId !== options.reader.bootId;
}

/** A document of another process than before has been written since, too. */
function hasBeaten(
  earlier: { readonly pid: number; readonly beat: number } | null,
  now: { readonly pid: number; readonly beat: number },
): boolean {
  return earlier === null || earlier.pid !== now.pid || earlier.beat !== now.beat;
}

function earlierOf(documents: Documents, node: NodeDocument): NodeDocument | null {
  return documents.nodes.find((earlier) => earlier.name === node.name) ?? null;
}
