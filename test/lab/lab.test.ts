/** The lab itself: what tests of Holdfast on NFS stand on. One lab for all tests, which run in this order. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../scripts/lab/hosts.js';
import { Lab } from '../../scripts/lab/lab.js';
import { LabPlaces } from '../../scripts/lab/places.js';
import { DEFAULT_SETTINGS, type LabSettings } from '../../scripts/lab/settings.js';
import { readStatus } from '../../scripts/lab/status.js';
import { eventually } from '../support/eventually.js';
import { labObstacle, removeWhenInterrupted } from './lab-for.js';

const SETTINGS: LabSettings = { ...DEFAULT_SETTINGS, brokers: ['a', 'b'] };
const STORE = '/srv/holdfast';

function namespaces(): readonly string[] {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
}

describe('a lab', { skip: labObstacle }, () => {
  const name = `test-${process.pid}`;
  const lab = new Lab(name, (line) => process.stderr.write(`lab: ${line}\n`));
  const places = new LabPlaces(name);

  const asBroker = { user: 'holdfast' };
  /** From a host to the others' kernels; `h` has no ping. */
  const reaches = async (from: 'a' | 'b' | 's', to: Host): Promise<boolean> =>
    (await lab.exec(from, `ping -c 1 -W 2 ${to}`)).code === 0;
  const bootCount = async (host: 'a' | 'b' | 's'): Promise<string> =>
    lab.run(host, 'cat /proc/sys/kernel/random/boot_id');
  const status = async (host: Host) => {
    const found = (await readStatus(lab)).hosts.find((one) => one.host === host);
    assert.ok(found);
    return found;
  };

  removeWhenInterrupted(name);
  before(() => lab.up(SETTINGS));
  after(() => lab.down());

  test('runs commands and tells how they ended', async () => {
    assert.deepEqual(await lab.exec('a', 'echo out; echo err >&2; exit 7'), {
      code: 7,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    assert.equal((await lab.exec('a', 'kill -9 $$')).signal, 'SIGKILL');
    assert.equal(await lab.run('h', 'cat', { input: 'given' }), 'given');
    assert.equal(await lab.run('a', 'cat', { input: 'given' }), 'given');
    assert.equal(await lab.run('a', 'id --user --name', asBroker), 'holdfast\n');
    await assert.rejects(lab.run('b', 'echo why >&2; false'), /b: ended with 1: .*\nwhy/);
    await assert.rejects(lab.exec('a', 'true', { user: 'nobody-else' }), /no user nobody-else/);
  });

  test('keeps all that a command wrote, also when what it left behind keeps its output open', async () => {
    for (const host of ['a', 'h'] as const) {
      const { stdout } = await lab.exec(host, 'sleep 600 & seq 50000; kill $!');
      assert.equal(stdout.length, 288_894, host);
    }
  });

  test('ends what it started when the program that asked for it is killed', async () => {
    const main = fileURLToPath(new URL('../../scripts/lab/main.js', import.meta.url));
    for (const host of ['a', 'h'] as const) {
      const command = `echo ready; exec sleep 4710.${process.pid}`;
      const child = spawn(process.execPath, [main, 'exec', '--name', name, host, command]);
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      const search = `pgrep -f '^sleep 4710.${process.pid}'`;
      await eventually(`gone from ${host}`, async () => (await lab.exec(host, search)).code === 1);
    }
  });

  test('kills what takes too long', async () => {
    const late = lab.exec('a', 'echo before; exec sleep 4711', { timeoutMs: 2_000 });
    await assert.rejects(late, /a: not within 2000 ms: .*\nbefore/);
    assert.equal((await lab.exec('a', 'pgrep -f "^sleep 4711"')).code, 1);
  });

  test('streams what a process writes, and sends it signals', async () => {
    const child = lab.spawn(
      'a',
      'trap "echo told; exit 3" TERM; echo ready; while :; do sleep 0.1; done',
    );
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    assert.equal(first.toString(), 'ready\n');
    assert.equal(await lab.run('a', `test -d /proc/${await child.pid} && echo there`), 'there\n');
    child.signal('SIGTERM');
    assert.equal((await child.ended).code, 3);
  });

  test('mounts one store in all brokers, with the settings of the server', async () => {
    await lab.run('a', `echo shared >${STORE}/file`, asBroker);
    assert.equal(await lab.run('b', `cat ${STORE}/file`, asBroker), 'shared\n');
    // Nobody but the brokers: root of a client is nobody there.
    await assert.rejects(lab.run('a', `cat ${STORE}/file`), /Permission denied/);
    assert.match((await status('a')).nfs, /vers=4\.2.*\bhard\b.*local_lock=none/);
    assert.match((await status('s')).nfs, /lease 10 s, grace 10 s, versions -3 \+4 .*\(sync,/);
  });

  test('runs the Holdfast of this tree on every host', async () => {
    for (const host of ['a', 'h'] as const) {
      assert.match(await lab.run(host, 'holdfast --version'), /^\d+\.\d+\.\d+\n$/);
    }
    assert.match(await lab.run('a', `holdfast doctor ${STORE}`, asBroker), /NFS 4\.2, s:/);
  });

  test('cuts two hosts off from each other, both ways or one way, and heals', async () => {
    assert.equal(await reaches('a', 's'), true);
    await lab.partition('a', 's', { oneWay: false });
    assert.deepEqual((await status('a')).cutTo, ['s']);
    assert.deepEqual((await status('s')).cutTo, ['a']);
    assert.equal(await reaches('a', 's'), false);
    assert.equal(await reaches('b', 's'), true);
    await lab.heal();
    assert.equal(await reaches('a', 's'), true);
    await lab.partition('h', 'b', { oneWay: true });
    assert.deepEqual((await status('h')).cutTo, ['b']);
    assert.deepEqual((await status('b')).cutTo, []);
    assert.equal(await reaches('b', 'h'), false);
    await lab.heal();
    assert.equal(await reaches('b', 'h'), true);
    await assert.rejects(lab.partition('a', 'a', { oneWay: false }), /cut off from itself/);
  });

  test('makes a host slow, and lossy, and well again', async () => {
    await lab.delay('b', 300);
    const { stdout } = await lab.exec('a', 'ping -c 1 -W 5 b');
    assert.ok(Number(/time=([\d.]+) ms/.exec(stdout)?.[1]) >= 300, stdout);
    await lab.loss('b', 100);
    assert.equal(await reaches('a', 'b'), false);
    assert.deepEqual((await status('b')).link, { delayMs: 300, lossPercent: 100 });
    await lab.heal();
    assert.equal(await reaches('a', 'b'), true);
    assert.deepEqual((await status('b')).link, { delayMs: 0, lossPercent: 0 });
  });

  test('pauses a host and lets it go on', async () => {
    lab.pause('b');
    assert.equal((await status('b')).state, 'paused');
    await assert.rejects(lab.exec('b', 'true', { timeoutMs: 1_000 }), /not within 1000 ms/);
    assert.equal(await reaches('a', 'b'), false);
    lab.resume('b');
    assert.equal(await lab.run('b', 'echo well'), 'well\n');
  });

  test('takes the power of a host away, and boots it again', async () => {
    const before = await bootCount('b');
    const child = lab.spawn('b', 'echo ready; sleep 600');
    await once(child.stdout, 'data');
    await lab.powerOff('b');
    await assert.rejects(child.ended, /b has no power/);
    assert.equal((await status('b')).state, 'down');
    assert.throws(() => lab.spawn('b', 'true'), /b has no power/);
    await assert.rejects(lab.powerOff('b'), /b has no power already/);
    await lab.boot('b');
    await assert.rejects(lab.boot('b'), /b has power already/);
    assert.notEqual(await bootCount('b'), before);
    assert.equal(await lab.run('b', `cat ${STORE}/file`, asBroker), 'shared\n');
  });

  test('keeps the store and the locks over a power cut of the file server', async () => {
    const holder = lab.spawn(
      'a',
      `exec flock ${STORE}/lock sh -c 'echo held; sleep 600'`,
      asBroker,
    );
    await once(holder.stdout, 'data');
    await lab.powerOff('s');
    await lab.boot('s');
    const { code } = await lab.exec('b', `flock --nonblock ${STORE}/lock true`, asBroker);
    assert.equal(code, 1, 'the lock is still held');
    holder.signal('SIGKILL');
    await holder.ended;
    await lab.run('b', `flock --timeout 30 ${STORE}/lock cat ${STORE}/file`, asBroker);
  });

  test('is made as the options say while it is up, and booted only once', async () => {
    const before = await bootCount('a');
    await lab.up({
      ...SETTINGS,
      leaseSeconds: 12,
      graceSeconds: 15,
      nfsVersion: '4.1',
      writeMode: 'async',
    });
    assert.equal(await bootCount('a'), before);
    assert.match((await status('s')).nfs, /lease 12 s, grace 15 s.*\(async,/);
    assert.match((await status('a')).nfs, /vers=4\.1/);
    await lab.restartNfs();
    assert.equal(await lab.run('a', `cat ${STORE}/file`, asBroker), 'shared\n');
  });

  test('is mended by up after a crash', async () => {
    const { pid } = JSON.parse(readFileSync(places.guestRecord('b'), 'utf8')) as { pid: number };
    process.kill(-pid, 'SIGKILL');
    await lab.up(SETTINGS);
    assert.equal(await lab.run('b', `cat ${STORE}/file`, asBroker), 'shared\n');
    spawnSync('ip', ['netns', 'delete', places.namespace]);
    await lab.up(SETTINGS);
    assert.equal(await lab.run('b', `cat ${STORE}/file`, asBroker), 'shared\n');
  });

  test('does not know of another one beside it', async () => {
    const other = new Lab(`${name}-other`);
    removeWhenInterrupted(other.name);
    try {
      await other.up({ ...SETTINGS, brokers: ['a'] });
      await lab.run('a', `echo mine >${STORE}/file`, asBroker);
      assert.equal(await other.run('a', `ls ${STORE}`, asBroker), '');
      await other.partition('a', 's', { oneWay: false });
      assert.deepEqual(await lab.cuts(), []);
    } finally {
      await other.down();
    }
    assert.equal(await lab.run('b', `ls ${STORE}/file`, asBroker), `${STORE}/file\n`);
  });

  test('leaves nothing behind', async () => {
    lab.spawn('h', 'sleep 600');
    const guests = ['s', 'a', 'b'] as const;
    await lab.down();
    assert.ok(guests.every((guest) => lab.machine(guest).power === 'down'));
    assert.ok(!namespaces().some((namespace) => namespace.includes(name)));
    assert.equal(existsSync(places.folder), false);
    await assert.rejects(lab.run('a', 'true'), new RegExp(`There is no lab ${name}; start it`));
    await lab.down();
  });
});
