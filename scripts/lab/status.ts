/** What `npm run lab -- status` shows: asked of the kernels, not remembered. */
import { tableLines } from '../../src/cli/text.js';
import type { PowerState } from './guest.js';
import { BROKERS, CLIENT, dataAddress, type Host, isBroker, isGuest, SERVER } from './hosts.js';
import type { Lab } from './lab.js';
import { LabError } from './lab-error.js';
import { isImpaired, type Link, parseLink, SHOW_LINK, UNIMPAIRED } from './link.js';
import type { Cut } from './network.js';
import { STORE_IN_GUESTS } from './places.js';

interface HostStatus {
  readonly host: Host;
  readonly address: string;
  readonly state: PowerState | 'not answering';
  /** A broker: its mount options in effect. The server: how it serves. Empty when there is nothing to tell. */
  readonly nfs: string;
  /** Hosts that what it sends does not reach. */
  readonly cutTo: readonly Host[];
  /** Null when it cannot be asked. */
  readonly link: Link | null;
}

export interface LabStatus {
  readonly name: string;
  readonly isUp: boolean;
  readonly hosts: readonly HostStatus[];
}

const ANSWER_LIMIT_MS = 5_000;

const SHOW_MOUNT = `grep ' ${STORE_IN_GUESTS} nfs' /proc/mounts || true`;
const SHOW_KERNEL_SERVER = [
  'cd /proc/fs/nfsd',
  'echo "lease $(<nfsv4leasetime) s, grace $(<nfsv4gracetime) s, versions $(<versions)"',
  `exportfs -s | sed 's/^[^(]*//'`,
].join(' && ');
/** Ganesha tells its settings to nobody but D-Bus, so this shows what it was started with. */
const SHOW_GANESHA = [
  'ganesha.nfsd -v | head -n 1',
  `sed -nE 's/^ *(Lease_Lifetime|Grace_Period|Squash) = (.*);/\\1 \\2/p' /etc/ganesha/holdfast.conf`,
].join(' && ');
const SHOW_SERVER = `if pidof -q ganesha.nfsd; then ${SHOW_GANESHA}; else ${SHOW_KERNEL_SERVER}; fi`;

export async function readStatus(lab: Lab): Promise<LabStatus> {
  const { name } = lab;
  if (!lab.isUp) return { name, isUp: false, hosts: [] };
  const cuts = await lab.cuts();
  const hosts = [SERVER, ...BROKERS, CLIENT] as const;
  return {
    name,
    isUp: true,
    hosts: await Promise.all(hosts.map((host) => readHost(lab, host, cuts))),
  };
}

async function readHost(lab: Lab, host: Host, cuts: readonly Cut[]): Promise<HostStatus> {
  const cutTo = cuts.filter(({ from }) => from === host).map(({ to }) => to);
  const known = { host, address: dataAddress(host), cutTo };
  const state = isGuest(host) ? lab.machine(host).power : 'up';
  if (state === 'down') return { ...known, state, nfs: '', link: UNIMPAIRED };
  if (state === 'paused') return { ...known, state, nfs: '', link: null };
  try {
    const command = `${SHOW_LINK} && echo && ${showNfs(host)}`;
    const text = await lab.run(host, command, { timeoutMs: ANSWER_LIMIT_MS });
    const [link = '', ...rest] = text.trim().split('\n');
    const nfs = isBroker(host) ? mountOptions(rest.join('')) : rest.filter(Boolean).join(', ');
    return { ...known, state, nfs, link: parseLink(link) };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return {
      ...known,
      state: 'not answering',
      nfs: error.message.split('\n')[0] ?? '',
      link: null,
    };
  }
}

function showNfs(host: Host): string {
  if (host === CLIENT) return 'true';
  return host === SERVER ? SHOW_SERVER : SHOW_MOUNT;
}

function mountOptions(lineOfMounts: string): string {
  return lineOfMounts.split(' ')[3] ?? 'not mounted';
}

export function statusLines(status: LabStatus): readonly string[] {
  if (!status.isUp) return [`There is no lab ${status.name}.`];
  const head = ['host', 'address', 'state', 'cut', 'delay', 'loss', 'NFS'];
  return tableLines(head, status.hosts.map(cells));
}

function cells({ host, address, state, nfs, cutTo, link }: HostStatus): readonly string[] {
  const isClean = link !== null && !isImpaired(link);
  const delay = link === null ? '?' : isClean ? '-' : `${link.delayMs} ms`;
  const loss = link === null ? '?' : isClean ? '-' : `${link.lossPercent} %`;
  const cut = cutTo.length === 0 ? '-' : `to ${cutTo.join(', ')}`;
  return [host, address, state, cut, delay, loss, nfs || '-'];
}
