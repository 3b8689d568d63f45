/**
 * Programs that watch a node: `ADDRESS CONSOLES`. One scrapes its metrics each second, and as many consoles are
 * open: each listens to the events and asks each second for the node and its figures, as the page does
 * (src/console/node-watch.ts). Prints what it did as JSON when its input ends.
 */
import { Agent, get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Samples } from './samples.js';

const EACH_MS = 1_000;
const [address = '', consoles = '0'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const scrapeTimes = new Samples();
let scrapeBytes = 0;
let eventBytes = 0;
let answers = 0;

function open(path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get(`http://${address}${path}`, { agent }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`${path} answered ${response.statusCode}.`));
    });
    request.on('error', reject);
  });
}

async function ask(path: string): Promise<number> {
  let bytes = 0;
  for await (const part of await open(path)) bytes += (part as Buffer).length;
  answers += 1;
  return bytes;
}

async function scrape(): Promise<void> {
  const beganMs = performance.now();
  scrapeBytes = await ask('/metrics');
  scrapeTimes.add(performance.now() - beganMs);
}

async function beConsole(): Promise<void> {
  const events = await open('/api/v1/events');
  events.on('data', (part: Buffer) => {
    eventBytes += part.length;
  });
  await eachSecond(async () => {
    await ask('/api/v1/node');
    await ask('/api/v1/figures');
  });
}

async function eachSecond(work: () => Promise<void>): Promise<never> {
  for (;;) {
    const beganMs = performance.now();
    await work();
    await sleep(Math.max(0, EACH_MS - (performance.now() - beganMs)));
  }
}

process.stdin.resume().on('end', () => {
  const printed = {
    scrapes: scrapeTimes.count,
    scrapeP50Ms: scrapeTimes.percentile(0.5),
    scrapeBytes,
    eventBytes,
    answers,
  };
  process.stdout.write(JSON.stringify(printed), () => process.exit());
});
void eachSecond(scrape);
for (let number = 0; number < Number(consoles); number += 1) void beConsole();
