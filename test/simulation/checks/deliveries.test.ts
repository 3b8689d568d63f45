/** P3 for deliveries: a node whose ownership is in doubt hands out nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChecksRig, FRESH_MS, type MessageNode } from './checks-rig.js';

/** A live node that has delivered something in good order. */
async function delivering(): Promise<{ rig: ChecksRig; a: MessageNode; deliver: () => void }> {
  const rig = await ChecksRig.make();
  const a = rig.start('a');
  let delivered = 0;
  const deliver = (): void => {
    delivered += 1;
  };
  a.broker = { snapshot: () => [], statistics: () => ({ delivered }) };
  await rig.takeOver(a);
  await rig.pass(FRESH_MS - 1);
  deliver();
  return { rig, a, deliver };
}

function verify(rig: ChecksRig, a: MessageNode): void {
  rig.arrives(a, { kind: 'verified', beganMs: rig.scheduler.nowMs });
}

test('deliveries while ownership is fresh break nothing', async () => {
  const { rig, a, deliver } = await delivering();
  verify(rig, a);
  await rig.pass(2);
  deliver();
  await rig.pass(2 * FRESH_MS);
  verify(rig, a);
  deliver();
  rig.checks.onEnded(a, null);
  assert.deepEqual(rig.sentences, []);
});

const TELLS: { readonly [name: string]: (rig: ChecksRig, a: MessageNode) => void } = {
  'ownership is verified again': verify,
  'the node is gone': (rig, a) => rig.checks.onEnded(a, null),
  'the tenure is handed over': (rig, a) =>
    rig.commands(a, { kind: 'quiesced', cursor: rig.liveEvent(a).cursor }),
};
for (const [name, tell] of Object.entries(TELLS)) {
  test(`P3: a delivery while another node may be live is seen when ${name}`, async () => {
    const { rig, a, deliver } = await delivering();
    await rig.pass(2);
    deliver();
    tell(rig, a);
    assert.deepEqual(rig.breaches, ['P3']);
  });
}

test('what a node delivers in its next tenure is not held against the one before', async () => {
  const { rig, a, deliver } = await delivering();
  await rig.pass(2);
  rig.commands(a, { kind: 'quiesced', cursor: rig.liveEvent(a).cursor });
  rig.arrives(a, rig.liveEvent(a));
  deliver();
  verify(rig, a);
  assert.deepEqual(rig.sentences, []);
});
