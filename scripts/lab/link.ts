/** How bad the way out of a host is: delay and loss, which netem of its kernel makes. */
import { LabError } from './lab-error.js';

export interface Link {
  readonly delayMs: number;
  readonly lossPercent: number;
}

export const UNIMPAIRED: Link = { delayMs: 0, lossPercent: 0 };

/** Room for what is under way in a slow network; the default loses frames under load. */
const QUEUED_FRAMES = 10_000;
const MAX_DELAY_MS = 60_000;

export const SHOW_LINK = 'tc -json qdisc show dev eth0';

export function isImpaired(link: Link): boolean {
  return link.delayMs > 0 || link.lossPercent > 0;
}

/** A shell command that makes the link of its host so. */
export function linkCommand(link: Link, host: { readonly isGuest: boolean }): string {
  if (!isImpaired(link)) return 'tc qdisc delete dev eth0 root';
  const { delayMs, lossPercent } = link;
  const command =
    `tc qdisc replace dev eth0 root netem limit ${QUEUED_FRAMES} ` +
    `delay ${delayMs}ms loss ${lossPercent}%`;
  return host.isGuest ? `modprobe sch_netem && ${command}` : command;
}

interface Qdisc {
  readonly kind: string;
  readonly options?: {
    readonly delay?: { readonly delay: number };
    readonly 'loss-random'?: { readonly loss: number };
  };
}

export function parseLink(text: string): Link {
  const netem = (JSON.parse(text) as readonly Qdisc[]).find(({ kind }) => kind === 'netem');
  const delaySeconds = netem?.options?.delay?.delay ?? 0;
  const share = netem?.options?.['loss-random']?.loss ?? 0;
  return { delayMs: Math.round(delaySeconds * 1_000), lossPercent: rounded(share * 100) };
}

/** The kernel keeps shares as fractions of 2^32. */
function rounded(percent: number): number {
  return Math.round(percent * 1_000) / 1_000;
}

export function checkDelay(delayMs: number): void {
  if (Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= MAX_DELAY_MS) return;
  throw new LabError(
    `A delay is a whole number of milliseconds from 0 to ${MAX_DELAY_MS}, not ${delayMs}.`,
  );
}

export function checkLoss(lossPercent: number): void {
  if (lossPercent >= 0 && lossPercent <= 100) return;
  throw new LabError(`A loss is a percentage from 0 to 100, not ${lossPercent}.`);
}
