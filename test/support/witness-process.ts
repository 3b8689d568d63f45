/** A real process that holds the election lock and the witness of a store, until it is killed. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ElectionLock } from '../../src/ownership/election.js';
import { Witness } from '../../src/ownership/witness.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import { LockfileHeartbeat } from '../../src/platform/node/heartbeat.js';
import { storeLayout } from '../../src/store/layout.js';

export interface WitnessProcess {
  kill(): Promise<void>;
}

/** Resolves once its heartbeat is there. */
export async function startWitnessProcess(root: string): Promise<WitnessProcess> {
  const child = fork(fileURLToPath(import.meta.url), [root]);
  const [message] = await once(child, 'message');
  assert.equal(message, 'beating');
  return {
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function main(root: string): Promise<void> {
  const layout = storeLayout(root);
  process.on('disconnect', () => process.exit(0));
  assert.ok(await new ElectionLock(nodeFileSystem, layout.lockFile).tryAcquire());
  const onTrouble = (reason: string) => assert.fail(reason);
  const heartbeat = new LockfileHeartbeat(layout.witnessTarget);
  new Witness({ clock: nodeClock, heartbeat, onTrouble }).start();
  while (!(await nodeFileSystem.list(root)).includes('witness.lock')) {
    await new Promise<void>((resolve) => nodeClock.after(10, resolve));
  }
  process.send?.('beating');
}

const [, script, root] = process.argv;
if (script === fileURLToPath(import.meta.url) && root !== undefined) await main(root);
