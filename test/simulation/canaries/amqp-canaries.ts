/** Bugs in how AMQP sessions hand to the broker what their clients ask for, and tell them of it. */
import type { Canary } from './canary.js';

const SESSION = 'src/protocols/amqp/session.ts';

export const AMQP_CANARIES: readonly Canary[] = [
  {
    name: 'amqp-accepted-at-once',
    sentence: 'A transfer is accepted when it was understood.',
    patches: [
      { file: SESSION, find: 'isAwaited ? host.transferToken : null', replace: 'null' },
      {
        file: SESSION,
        find: 'host.awaits(this, deliveryId);',
        replace: 'this.confirmed(deliveryId);',
      },
    ],
  },
  {
    name: 'amqp-discharge-at-once',
    sentence: 'A discharge is accepted before the batch of its transaction is on stable storage.',
    patches: [
      {
        file: 'src/protocols/amqp/coordinator-link.ts',
        find: '    else this.host.broker.commit(name, token);\n',
        replace: `    else this.host.broker.commit(name, null);
    if (!fail) this.answer(deliveryId, ACCEPTED_STATE);
`,
      },
    ],
  },
  {
    name: 'amqp-settled-at-once',
    sentence: 'An outcome is settled by the broker before it is on stable storage.',
    patches: [
      {
        file: SESSION,
        find: '    const token = answer === null ? null : this.host.tokenFor(() => this.settled(answer));\n',
        replace: `    const token = null;
    if (answer !== null) this.settled(answer);
`,
      },
    ],
  },
  {
    name: 'amqp-unsettled-kept',
    sentence: 'What was unsettled on a lost AMQP connection does not go back to its queue.',
    patches: [
      {
        file: 'src/protocols/amqp/connection.ts',
        find: '    this.decoder.stop();\n    this.brokerSession?.close();\n',
        replace: '    this.decoder.stop();\n',
      },
    ],
  },
  {
    name: 'amqp-outcome-outside-transaction',
    sentence: 'An outcome in a transaction counts at once, whatever becomes of the transaction.',
    patches: [
      {
        file: SESSION,
        find: '    const name = transaction?.name ?? null;\n',
        replace: '    const name = null;\n',
      },
    ],
  },
  {
    name: 'amqp-transfer-outside-transaction',
    sentence: 'A message in a transaction is sent at once, whatever becomes of the transaction.',
    patches: [
      {
        file: SESSION,
        find: 'isAwaited ? host.transferToken : null, transaction?.name ?? null',
        replace: 'isAwaited ? host.transferToken : null, null',
      },
    ],
  },
  {
    name: 'amqp-rollback-returns-nothing',
    sentence:
      'What was acknowledged in a transaction that is rolled back stays with a consumer that has settled it.',
    patches: [
      {
        file: 'src/protocols/amqp/link-attachment.ts',
        find: '      returnsAtRollback: true,\n',
        replace: '',
      },
    ],
  },
];
