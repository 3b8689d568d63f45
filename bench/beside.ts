/**
 * What a program beside the load costs it: the same load without and with the program, in turns
 * (without, with, with, without), so that what grows or falls steadily is on neither side.
 */

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BrokerProcess } from './broker-process.js';
import { cpuSecondsOf } from './process-figures.js';
import { Samples } from './samples.js';
import { type Figure, figure, type Measurement, type ScenarioContext } from './scenario.js';
import type { OwnLoad } from './scenarios/throughput.js';

const RUNS = 5;
/** Of each of the four turns. */
const SECONDS = 5;
const WARM_UP_MS = 5_000;
/** Between two turns, for what was begun in the one before. */
const SETTLE_MS = 500;

export interface BesideOptions {
  readonly name: string;
  readonly load: OwnLoad;
  /** Of `load`. */
  readonly latencies: Samples;
  readonly node: BrokerProcess;
  /** A file of this folder and its arguments. It runs until its input ends, and prints its figures as JSON then. */
  readonly program: readonly [file: string, ...words: string[]];
  /** Of what the program has printed. */
  readonly figuresOf: (printed: unknown, seconds: number) => readonly Figure[];
}

export async function measureBeside(
  context: ScenarioContext,
  options: BesideOptions,
): Promise<Measurement[]> {
  await sleep(WARM_UP_MS);
  const measurements: Measurement[] = [];
  const runs = context.options.runs ?? RUNS;
  for (let run = 1; run <= runs; run += 1) {
    const name = `${options.name}, run ${run}`;
    context.progress(`${name} of ${runs}`);
    const figures = await measureRun(options, context.options.seconds ?? SECONDS);
    measurements.push({ name, figures, ledger: null });
  }
  const ledger = await options.load.finish();
  return measurements.map((each, at) => (at === runs - 1 ? { ...each, ledger } : each));
}

/** Sums of the turns of one kind. */
interface Side {
  confirmed: number;
  seconds: number;
  brokerCpuSeconds: number;
  readonly latencies: Samples;
}

async function measureRun(options: BesideOptions, seconds: number): Promise<readonly Figure[]> {
  const without = newSide();
  const beside = newSide();
  await takeTurn(options, without, seconds);
  const running = new BesideProcess(options.program);
  await takeTurn(options, beside, seconds);
  await takeTurn(options, beside, seconds);
  const { printed, cpuSeconds, runSeconds } = await running.end();
  await takeTurn(options, without, seconds);
  const ratio = rateOf(beside) / rateOf(without);
  const cpuRatio = cpuMicrosecondsOf(beside) / cpuMicrosecondsOf(without);
  return [
    figure('confirmedPerSecond', 'confirmed/s', rateOf(without)),
    figure('besideConfirmedPerSecond', 'beside confirmed/s', rateOf(beside)),
    figure('ratio', 'ratio', ratio, 3),
    figure('brokerCpuRatio', 'broker CPU per message, ratio', cpuRatio, 3),
    figure('programCores', "program's CPU, cores", cpuSeconds / runSeconds, 3),
    ...latencyFigures('', without.latencies),
    ...latencyFigures('beside ', beside.latencies),
    ...options.figuresOf(printed, runSeconds),
  ];
}

function newSide(): Side {
  return { confirmed: 0, seconds: 0, brokerCpuSeconds: 0, latencies: new Samples() };
}

async function takeTurn(options: BesideOptions, side: Side, seconds: number): Promise<void> {
  const { load, node, latencies } = options;
  await sleep(SETTLE_MS);
  latencies.clear();
  const beganMs = performance.now();
  const cpuSeconds = cpuSecondsOf(node.pid);
  const before = load.confirmed;
  await sleep(seconds * 1_000);
  side.confirmed += load.confirmed - before;
  side.brokerCpuSeconds += cpuSecondsOf(node.pid) - cpuSeconds;
  side.seconds += (performance.now() - beganMs) / 1_000;
  side.latencies.addAll(latencies);
}

function rateOf({ confirmed, seconds }: Side): number {
  return confirmed / seconds;
}

function cpuMicrosecondsOf({ brokerCpuSeconds, confirmed }: Side): number {
  return (brokerCpuSeconds * 1e6) / confirmed;
}

function latencyFigures(prefix: '' | 'beside ', latencies: Samples): readonly Figure[] {
  const key = prefix === '' ? 'confirmation' : 'besideConfirmation';
  return [
    figure(`${key}P50Ms`, `${prefix}p50 ms`, latencies.percentile(0.5), 2),
    figure(`${key}P99Ms`, `${prefix}p99 ms`, latencies.percentile(0.99), 2),
  ];
}

class BesideProcess {
  readonly #child;
  readonly #printed: Promise<string>;
  readonly #beganMs = performance.now();

  constructor([file, ...words]: BesideOptions['program']) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    this.#child = spawn(process.execPath, [path, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#printed = text(this.#child.stdout);
  }

  async end(): Promise<{ printed: unknown; cpuSeconds: number; runSeconds: number }> {
    const runSeconds = (performance.now() - this.#beganMs) / 1_000;
    const { pid, exitCode } = this.#child;
    if (pid === undefined || exitCode !== null) throw new Error('The program beside has ended.');
    const cpuSeconds = cpuSecondsOf(pid);
    this.#child.stdin.end();
    return { printed: JSON.parse(await this.#printed), cpuSeconds, runSeconds };
  }
}
