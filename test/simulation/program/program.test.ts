import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { drawScenario } from '../scenario.js';
import { BREAKING_SEED, CRASHING_SEED } from './stub-run-seed.js';

const PROGRAM = fileURLToPath(new URL('../main.js', import.meta.url));
const SIMULATE_MODULE = new URL('./stub-run-seed.js', import.meta.url).href;

function simulate(...options: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...options], {
    encoding: 'utf8',
    env: { ...process.env, SIMULATE_MODULE },
  });
  assert.equal(typeof status, 'number', stderr);
  return { status, output: `${stdout}${stderr}` };
}

describe('npm run simulate', () => {
  it('runs as many seeds as it is told and sums up what hit and what was tried', () => {
    const { status, output } = simulate('--seeds', '100', '--jobs', '2');
    assert.equal(status, 0, output);
    assert.match(output, /^kill +100 +100$/m);
    assert.match(output, /^nfs4-pair +\d+ +0$/m);
    assert.match(output, /^100 seeds in .* 200 messages, 1,000 events, 0 failures\.$/m);
  });

  it('tells what broke, in which seed, by which faults, and how to see it again', () => {
    const { status, output } = simulate('--seeds', '50', '--from', '180', '--jobs', '2');
    assert.equal(status, 1);
    assert.match(output, /Seed 205 \(.*\) broke P1 at 7\.0 virtual ms:\n {2}A message was lost\./);
    assert.match(output, /these faults:\n {2}- at 5 ms: kill one\nIt then breaks P1/);
    assert.match(output, /npm run simulate -- --seed 205 --trace$/m);
    assert.match(output, /trace of seed 205 with 1 faults/);
  });

  it('runs a seed again with the plan that a failure left behind', () => {
    simulate('--seeds', '1', '--from', String(BREAKING_SEED));
    const plan = `.cache/simulate/${BREAKING_SEED}.json`;
    const { status, output } = simulate('--seed', String(BREAKING_SEED), '--trace', '--plan', plan);
    assert.equal(status, 1);
    assert.match(output, /trace of seed 205 with 1 faults/);
  });

  it('goes on after failures when asked to, and lists each', () => {
    const seeds = ['--seeds', '200', '--from', '150'];
    const { status, output } = simulate(...seeds, '--jobs', '2', '--keep-going');
    assert.equal(status, 1);
    assert.match(output, /^200 seeds .* 2 failures\.$/m);
    assert.match(output, /Seed 205 .* broke P1/);
    assert.match(output, /Seed 303 .* broke exception.*\n.*the stub crashed/);
  });

  it('takes a crash of the simulator itself for a failure', () => {
    const { status, output } = simulate('--seed', String(CRASHING_SEED));
    assert.equal(status, 1);
    assert.match(output, /broke exception .*\n.*the stub crashed/);
  });

  it('runs seeds of one scenario only', () => {
    const { output } = simulate('--seeds', '20', '--scenario', 'damage', '--jobs', '1');
    assert.match(output, /^damage +20 +0$/m);
    assert.doesNotMatch(output, /nfs4-pair/);
  });

  it('gives its sums to programs as JSON', () => {
    const { output } = simulate('--seeds', '30', '--from', '190', '--json');
    const { seeds, failures } = JSON.parse(output.trim().split('\n').at(-1) as string) as {
      seeds: number;
      failures: { seed: number }[];
    };
    assert.ok(seeds >= 16);
    assert.deepEqual(
      failures.map(({ seed }) => seed),
      [BREAKING_SEED],
    );
  });

  it('refuses what it does not understand', () => {
    for (const options of [['--sedes', '3'], ['--seeds', '0'], ['--trace']]) {
      const { status, output } = simulate(...options);
      assert.equal(status, 1, output);
      assert.match(output, /Usage: npm run simulate/);
    }
  });
});

describe('scenarios', () => {
  it('come as often as their weights say', () => {
    const names = Array.from({ length: 10_000 }, (_, seed) => drawScenario(seed + 1).name);
    const part = (name: string): number => names.filter((other) => other === name).length / 10_000;
    assert.ok(Math.abs(part('nfs4-pair') - 0.3) < 0.03);
    assert.ok(Math.abs(part('damage') - 0.05) < 0.01);
  });
});
