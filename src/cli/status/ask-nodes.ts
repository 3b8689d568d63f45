/** Asks nodes themselves: they answer while the store does not, and know what it cannot say. */

import { connect } from 'node:net';
import { isLoopback, parseTargetAddress } from '../../config/address.js';
import type { NodeReport } from '../../node/node-report.js';
import type { HostIdentity } from '../../platform/ports.js';
import type { StoreStatus } from '../../store/store-status.js';
import { adminUrl, secureAdminAddress } from '../admin/admin-url.js';
import { servingLive } from './status-rules.js';

const ANSWER_LIMIT_MS = 2_000;

/** Where the nodes of a store answer, over HTTPS where nothing else is for other hosts, of those that can be reached from this host. */
export function adminAddresses(
  status: StoreStatus,
  reader: Pick<HostIdentity, 'bootId'>,
): string[] {
  return status.nodes.flatMap(({ addresses: { admin, https }, bootId, role, running }) => {
    if (admin === undefined || role === 'stopped') return [];
    if (bootId === reader.bootId) return running === 'no' ? [] : [admin];
    // One of another host that writes nothing may just be cut off from the store.
    if (isForOthers(admin)) return [admin];
    return https !== undefined && isForOthers(https) ? [secureAdminAddress(https)] : [];
  });
}

export interface NodeAnswers {
  /** Of the nodes that answer. */
  readonly reports: NodeReport[];
  /** Addresses where no node answers. */
  readonly unanswered: string[];
}

export async function askNodes(addresses: readonly string[]): Promise<NodeAnswers> {
  const answers = await Promise.all(addresses.map(askNode));
  return {
    reports: answers.filter((answer) => answer !== null),
    unanswered: addresses.filter((_address, number) => answers[number] === null),
  };
}

/** The live node's STOMP address when it is meant for this host and takes no connection from it. */
export async function unreachableAddresses(
  status: StoreStatus,
  reader: Pick<HostIdentity, 'bootId'>,
): Promise<string[]> {
  const live = servingLive(status);
  const stomp = live?.addresses.stomp;
  if (live === null || stomp === undefined) return [];
  if (live.bootId !== reader.bootId && !isForOthers(stomp)) return [];
  return (await takesConnections(stomp)) ? [] : [stomp];
}

/** Null when nobody answers there, or something that is no node. */
async function askNode(address: string): Promise<NodeReport | null> {
  try {
    const response = await fetch(`${adminUrl(address)}/api/v1/node`, {
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    if (!response.ok) return null;
    const answer = (await response.json()) as Partial<NodeReport>;
    return typeof answer.node === 'string' && typeof answer.store === 'string'
      ? (answer as NodeReport)
      : null;
  } catch {
    // Nobody answers: what is made of that is up to the caller.
    return null;
  }
}

function takesConnections(address: string): Promise<boolean> {
  const { host, port } = parseTargetAddress(address, 'the `live` file');
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (takes: boolean): void => {
      socket.destroy();
      resolve(takes);
    };
    socket.setTimeout(ANSWER_LIMIT_MS, () => answer(false));
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

function isForOthers(address: string): boolean {
  return !isLoopback(parseTargetAddress(address, 'the address of a node').host);
}
