/** A node with a well-behaved client, which must be served whatever others do to the node. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { NodeProcess, Settings } from './node-process.js';
import { connect, Inbox } from './test-client.js';
import { TestStore } from './test-store.js';

export interface ServedOthers {
  readonly live: NodeProcess;
  /** Fails when the well-behaved client is not served any more. */
  readonly checkOthers: () => Promise<void>;
}

export async function startWithOthers(t: TestContext, settings: Settings): Promise<ServedOthers> {
  const store = await TestStore.make(t, settings);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  const inbox = await Inbox.open(client, '/queue/others', 'auto');
  let sent = 0;
  const checkOthers = async (): Promise<void> => {
    sent += 1;
    await client.send({ destination: '/queue/others', body: `still served ${sent}` });
    await inbox.atLeast(sent);
    assert.equal(inbox.texts.at(-1), `still served ${sent}`);
    assert.equal(live.role, 'live');
  };
  return { live, checkOthers };
}
