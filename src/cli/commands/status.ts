/** `holdfast status`: who is live, how the others are, and what to do; read by any host, changing nothing. */

import { resolve } from 'node:path';
import type { NodeReport } from '../../node/node-report.js';
import { HoldfastError } from '../../platform/errors.js';
import { readHostIdentity } from '../../platform/node/host-identity.js';
import type { StoreStatus } from '../../store/store-status.js';
import { parseAdminAddress } from '../admin/admin-url.js';
import { defineCommand, requireStore, STORE_OPTION } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { Screen } from '../screen.js';
import { adminAddresses, askNodes, unreachableAddresses } from '../status/ask-nodes.js';
import { confirmingReport, findSituations, type Situation } from '../status/situation.js';
import { servingLive } from '../status/status-rules.js';
import { statusJson, statusLines } from '../status/status-view.js';
import { StoreProcess } from '../status/store-process.js';
import { OBSERVE_OTHER_HOSTS_MS } from '../status/store-reader.js';
import { paintFor } from '../text.js';

const REFRESH_INTERVAL_MS = 1_000;
/** On top of the time for which other hosts are observed. */
const STORE_ANSWER_LIMIT_MS = 3_000;
/** Asked while the store says nothing: a node of this host usually answers there. */
const USUAL_NODE = '127.0.0.1:8161';

export const command = defineCommand({
  options: {
    store: STORE_OPTION,
    node: {
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
      description:
        'HOST:PORT of a node to ask as well (its admin.listen), or https://HOST:PORT (admin.tlsListen); may be given again',
    },
    json: { type: 'boolean', description: 'One JSON object; with --watch one per line' },
    watch: { type: 'boolean', description: 'Go on, and show what changes, until Ctrl-C' },
  },
  positionals: {},
  examples: [
    ['status --store /srv/holdfast', 'Who is live, and what to do'],
    ['status --store /srv/holdfast --node broker-1:8161', 'Also when the store does not answer'],
    ['status --store /srv/holdfast --watch', 'The same, kept current'],
    ["status --store /srv/holdfast --json | jq -r '.live.addresses.stomp'", 'For scripts'],
  ],
  epilogue:
    'Ends with 0 when a node is live, and with 4 when nobody is. docs/runbook.md has a page for each situation.',
  async run({ store: given, node = [], json, watch: follow }) {
    const store = requireStore(given);
    const nodes = node.map((text) => parseAdminAddress(text, '--node'));
    const show = json === true ? JSON_LINES : pageFor(store, follow === true);
    const reader = new StoreProcess(store);
    try {
      const look = (): Promise<Look> => lookAt(store, reader, nodes);
      const seen = await look();
      show.look(seen);
      if (follow === true) return await watchForEver(look, show);
      return isServed(seen) ? EXIT.ok : EXIT.unavailable;
    } finally {
      reader.close();
    }
  },
});

interface Look {
  /** Null when this host cannot read the store. */
  readonly status: StoreStatus | null;
  readonly reports: readonly NodeReport[];
  readonly situations: readonly [Situation, ...Situation[]];
  /** Of the addresses that were named. */
  readonly unanswered: readonly string[];
}

async function lookAt(
  store: string,
  reader: StoreProcess,
  nodes: readonly string[],
): Promise<Look> {
  const host = readHostIdentity();
  const asked = askNodes(nodes);
  const limitMs = OBSERVE_OTHER_HOSTS_MS + STORE_ANSWER_LIMIT_MS;
  const read = await reader.read(OBSERVE_OTHER_HOSTS_MS, limitMs);
  const { status } = read;
  const others = await askNodes(status === null ? [USUAL_NODE] : adminAddresses(status, host));
  // Who happens to listen at the usual address may be of another store.
  const ofThisStore = others.reports.filter(
    (report) => status !== null || report.store === resolve(store),
  );
  const { reports: ofNamed, unanswered } = await asked;
  const reports = [...ofNamed, ...ofThisStore];
  const sight = {
    ...read,
    reports: distinct(reports),
    unreachable: status === null ? [] : await unreachableAddresses(status, host),
    nowMs: Date.now(),
  };
  return { status, reports: sight.reports, situations: findSituations(sight), unanswered };
}

/** A node may have been asked at several addresses. */
function distinct(reports: readonly NodeReport[]): NodeReport[] {
  return [...new Map(reports.map((report) => [`${report.host} ${report.pid}`, report])).values()];
}

function isServed({ status, reports }: Look): boolean {
  return status === null ? confirmingReport(reports) !== null : servingLive(status) !== null;
}

interface Show {
  look(look: Look): void;
  /** With --watch: the store was there a moment ago. */
  failure(error: HoldfastError): void;
}

const JSON_LINES: Show = {
  look: ({ status, situations, unanswered }) =>
    writeJson(statusJson(status, situations, unanswered)),
  failure: ({ code, message }) => writeJson({ error: { code, message } }),
};

function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function pageFor(store: string, isKept: boolean): Show {
  const { stdout } = process;
  const screen = stdout.isTTY && isKept ? new Screen(stdout) : null;
  const paint = paintFor(stdout);
  /** A terminal may not say how wide it is: then 0. The last column stays free: see Screen. */
  const columns = (): number => ((stdout.isTTY && stdout.columns) || Number.POSITIVE_INFINITY) - 1;
  const show = (lines: readonly string[]): void => {
    if (screen === null) stdout.write(`${lines.join('\n')}\n`);
    else screen.show(lines, []);
  };
  return {
    look: (look) =>
      show(statusLines({ store, ...look, nowMs: Date.now(), paint, columns: columns() })),
    failure: ({ message }) => show([paint.red(message)]),
  };
}

async function watchForEver(look: () => Promise<Look>, show: Show): Promise<ExitCode> {
  for (;;) {
    await new Promise<void>((resolve) => setTimeout(resolve, REFRESH_INTERVAL_MS));
    try {
      show.look(await look());
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      show.failure(error);
    }
  }
}
