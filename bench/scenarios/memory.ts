/** What a long queue costs in memory: only the index should be there, not the bodies. */

import { fill } from '../backlog.js';
import { Ledger } from '../ledger.js';
import { residentMemoryOf } from '../process-figures.js';
import { figure, type Scenario } from '../scenario.js';

const MESSAGES = 1_000_000;
const BODY_BYTES = 1024;

export const memory: Scenario = {
  name: 'memory',
  describe: '1 M queued messages of 1 KiB (--body 10240 for 10 KiB): resident memory of both nodes',
  target: 'each node below 500 MB',
  onlyWhenNamed: false,
  async run(context) {
    const messages = context.options.messages ?? MESSAGES;
    const bodyBytes = context.options.bodyBytes ?? BODY_BYTES;
    const site = await context.createSite(['a', 'b']);
    const startedAtMs = performance.now();
    const addresses = site.addresses.slice(0, 1);
    const ledger = new Ledger({ checksOrder: false });
    await fill({ context, addresses, queue: 'memory', bodyBytes, ledger, messages });
    const fillSeconds = (performance.now() - startedAtMs) / 1_000;
    const { live, backup } = await site.roles();
    if (backup === null) throw new Error('There is no backup.');
    await site.untilReady(backup);
    return [live, backup].map((node, index) => {
      const { nowMegabytes, peakMegabytes } = residentMemoryOf(node.pid);
      return {
        name: index === 0 ? 'live' : 'backup',
        figures: [
          figure('residentMegabytes', 'resident MB', nowMegabytes),
          figure('peakMegabytes', 'peak MB', peakMegabytes),
          figure('messages', 'messages', messages),
          figure('bodyBytes', 'body bytes', bodyBytes),
          figure('fillSeconds', 'fill s', fillSeconds, 1),
        ],
        ledger: null,
      };
    });
  },
};
