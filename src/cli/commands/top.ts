/** `holdfast top`: what the broker does at this moment, kept current. */

import type { BrokerTotals, QueueFacts } from '../../broker/facts.js';
import type { NodeReport } from '../../node/node-report.js';
import { HoldfastError } from '../../platform/errors.js';
import type { AdminClient } from '../admin/admin-client.js';
import { ADMIN_OPTIONS, adminFinder } from '../admin/find-admin.js';
import { requireSeconds, requireWhole } from '../arguments.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Screen } from '../screen.js';
import { paintFor } from '../text.js';
import { TOP_ORDERS, type TopLook, topLines } from '../top/top-view.js';

const DEFAULT_INTERVAL_SECONDS = 1;
/** Above and below the queues. */
const OTHER_ROWS = 8;
const ROWS_WITHOUT_TERMINAL = 1_000;

export const command = defineCommand({
  options: {
    ...ADMIN_OPTIONS,
    sort: {
      choices: TOP_ORDERS,
      default: 'depth',
      description: 'Which queues come first',
    },
    interval: {
      type: 'number',
      requiresArg: true,
      default: DEFAULT_INTERVAL_SECONDS,
      description: 'Seconds from one look to the next',
    },
    count: { type: 'number', requiresArg: true, description: 'Looks; default: until Ctrl-C' },
  },
  positionals: {},
  examples: [
    ['top --store /srv/holdfast', 'Queues and rates, once a second'],
    ['top --node broker-1:8161 --sort in', 'The busiest queues first'],
    ['top --store /srv/holdfast --count 2 | tail -n 20', 'Once, with rates, for a log'],
  ],
  epilogue:
    'In and Out are messages that came and were acknowledged. After a takeover it goes on with the new live node. Where users are required, it needs the right to view everything. Ends with 3 without it, with 4 when no node answers at the start.',
  async run({ sort, interval, count = Number.POSITIVE_INFINITY, ...given }) {
    const intervalMs = requireSeconds('interval', interval);
    if (count !== Number.POSITIVE_INFINITY) requireWhole('count', count, 1);
    const find = await adminFinder(given);
    const { stdout } = process;
    const screen = stdout.isTTY ? new Screen(stdout) : null;
    const show = (lines: readonly string[]): void => {
      if (screen === null) stdout.write(`${lines.join('\n')}\n\n`);
      else screen.show(lines, []);
    };
    let admin: AdminClient | null = await find();
    let before: TopLook | null = null;
    for (let looks = 1; ; looks += 1) {
      try {
        admin ??= await find();
        const now: TopLook = await lookAt(admin);
        const rows = stdout.isTTY ? Math.max(1, stdout.rows - OTHER_ROWS) : ROWS_WITHOUT_TERMINAL;
        show(topLines(before, now, { order: sort, rows, paint: paintFor(stdout) }));
        before = now;
        // The store may tell by now who is live.
        if (now.node.role !== 'live' && given.node === undefined) admin = null;
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code === 'ACCESS_DENIED') throw error;
        show([error.message]);
        admin = null;
      }
      if (looks >= count) return EXIT.ok;
      await new Promise<void>((resolve) => setTimeout(resolve, intervalMs));
    }
  },
});

async function lookAt(admin: AdminClient): Promise<TopLook> {
  const cluster = await admin.call<{ node: NodeReport; totals: BrokerTotals }>('GET', ['cluster']);
  const { queues } = await admin.call<{ queues: QueueFacts[] }>('GET', ['queues']);
  const { node, totals } = cluster;
  return { atMs: performance.now(), wallMs: Date.now(), node, totals, queues };
}
