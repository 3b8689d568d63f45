/** How fast a file system makes writes durable: many small ones, and large ones in a row. */
import type { FileSystem, TrialProcess } from '../platform/ports.js';
import { type Figure, passed, type TrialResult } from './trial-result.js';

const SMALL_BYTES = 4096;
const SMALL_COUNT = 300;
const LARGE_BYTES = 1024 * 1024;
const LARGE_COUNT = 64;
const LIMIT_MS = 5_000;
/** Somebody else may live on the rest. */
const SHARE_OF_FREE_SPACE = 0.02;

export interface Speed {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly writes: number;
  /** Of synchronous writes of 1 MiB; null when there is too little room for even a few. */
  readonly megabytesPerSecond: number | null;
}

interface Place {
  readonly fileSystem: FileSystem;
  readonly directory: string;
}

/** Leaves two files behind in the directory. */
export async function measureSpeed(place: Place, writer: TrialProcess): Promise<Speed> {
  const { fileSystem, directory } = place;
  const small = { sizeBytes: SMALL_BYTES, count: SMALL_COUNT, limitMs: LIMIT_MS };
  const latencies = await writer.timeWrites({ path: `${directory}/sync-small`, ...small });
  const sorted = [...latencies].sort((left, right) => left - right);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  const room = (await fileSystem.freeBytes(directory)) * SHARE_OF_FREE_SPACE;
  const count = Math.min(LARGE_COUNT, Math.floor(room / LARGE_BYTES));
  const speed = { p50Ms: at(0.5), p99Ms: at(0.99), writes: sorted.length };
  if (count < 1) return { ...speed, megabytesPerSecond: null };
  const large = { sizeBytes: LARGE_BYTES, count, limitMs: LIMIT_MS };
  const spans = await writer.timeWrites({ path: `${directory}/sync-large`, ...large });
  const totalMs = spans.reduce((sum, span) => sum + span, 0);
  return { ...speed, megabytesPerSecond: (spans.length * LARGE_BYTES) / 1_000 / totalMs };
}

/** Of one host without a name, or of two with theirs. */
export function speedResult(
  measured: readonly { readonly host: string | null; readonly speed: Speed }[],
): TrialResult {
  const texts = measured.map(({ host, speed }) => {
    const { p50Ms, p99Ms, writes, megabytesPerSecond } = speed;
    const latency = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
    const bandwidth =
      megabytesPerSecond === null
        ? 'too little room to measure large ones'
        : `${megabytesPerSecond.toFixed(0)} MB/s in a row`;
    return `${host === null ? '' : `on ${host} `}${latency} for ${writes} writes of 4 KiB, ${bandwidth}`;
  });
  const figures = measured.flatMap(({ host, speed }) => figuresOf(host, speed));
  return passed('synchronous writes', texts.join('; '), { figures });
}

function figuresOf(host: string | null, speed: Speed): Figure[] {
  const { p50Ms, p99Ms, megabytesPerSecond } = speed;
  return Object.entries({ p50Ms, p99Ms, megabytesPerSecond }).flatMap(([what, value]) =>
    value === null ? [] : [{ what, host, value }],
  );
}
