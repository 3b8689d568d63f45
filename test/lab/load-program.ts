/**
 * Clients on the client host of a lab: producers and consumers with a list of nodes to fail over to, and a
 * ledger of what they saw. Started by lab-load.ts with its options as JSON; tells what happens as JSON lines.
 */
import { createInterface } from 'node:readline';
import { parseTargetAddress } from '../../src/config/address.js';
import { CheckedLoad } from '../support/checked-load.js';
import { ConfirmationTimes } from './confirmation-times.js';
import type { LoadProgramOptions, LoadReport } from './lab-load.js';

const REPORT_INTERVAL_MS = 100;

const options = JSON.parse(process.argv[2] ?? '{}') as LoadProgramOptions;
const times = new ConfirmationTimes();
const load = new CheckedLoad({
  ...options.load,
  heartbeatMs: options.heartbeatMs,
  onConfirmed: (node) => times.confirmed(node, Date.now()),
  findServer: nextServer(options.addresses),
});

const tell = (kind: LoadReport['kind'], error: string | null): void => {
  const { confirmedCount, acknowledgedCount, duplicateCount } = load.ledger;
  const report: LoadReport = {
    kind,
    confirmed: confirmedCount,
    acknowledged: acknowledgedCount,
    duplicates: duplicateCount,
    sessions: load.sessionCount,
    findings: kind === 'finished' ? load.ledger.findings() : load.ledger.breaches,
    ...times.report(),
    error,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
};

const reporting = setInterval(() => tell('progress', null), REPORT_INTERVAL_MS);

createInterface({ input: process.stdin }).once('line', () => {
  load.finish().then(
    () => end(null),
    (error: unknown) => end(String(error)),
  );
});

function end(error: string | null): void {
  clearInterval(reporting);
  tell('finished', error);
  process.stdin.destroy();
}

/** Each client goes through the list by itself, as one with a failover URL does, and they begin at different nodes. */
function nextServer(addresses: readonly string[]) {
  const nextOf = new Map<string, number>();
  return async (client: string) => {
    const next = nextOf.get(client) ?? nextOf.size;
    const address = addresses[next % addresses.length] ?? '';
    nextOf.set(client, next + 1);
    return { address: parseTargetAddress(address, 'the list of nodes'), node: address };
  };
}
