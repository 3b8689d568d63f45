/** `holdfast connection`: who is connected to the live node, and an end to one of them. */

import type { ConnectionFacts } from '../../broker/facts.js';
import { confirm, YES_OPTION } from '../admin/confirm.js';
import { ADMIN_OPTIONS, findAdmin } from '../admin/find-admin.js';
import { printJson, printLines } from '../admin/print.js';
import { connectionLines } from '../admin/queue-view.js';
import { usageError } from '../arguments.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const command = defineCommand({
  options: {
    ...ADMIN_OPTIONS,
    yes: YES_OPTION,
    json: { type: 'boolean', description: 'One JSON object' },
  },
  positionals: {
    action: {
      choices: ['list', 'close'],
      demandOption: true,
      description: 'Show all of them, or close one',
    },
    id: { type: 'string', description: 'As list shows it' },
  },
  examples: [
    ['connection list --store /srv/holdfast', 'Clients of the live node'],
    ['connection close 17', 'Its client is told, and may connect again'],
  ],
  epilogue:
    'What a closed connection had unacknowledged goes back to its queues. Ends with 3 when there is no such connection or the user has no right to it, with 4 when nobody is live.',
  async run({ action, id, json = false, yes, ...given }) {
    if (action === 'list' && id !== undefined) {
      throw usageError(`holdfast connection list does not take "${id}".`);
    }
    if (action === 'close' && !/^[1-9]\d*$/.test(id ?? '')) {
      throw usageError('holdfast connection close needs the id of one, as list shows it.');
    }
    const admin = await findAdmin(given);
    if (action === 'close') {
      const number = id ?? '';
      await confirm(`Close the connection ${number}?`, yes);
      await admin.call('DELETE', ['connections', number]);
      if (json) printJson({ connection: Number(number), closed: true });
      else printLines([`Connection ${number} is closed.`]);
      return EXIT.ok;
    }
    const answer = await admin.call<{ connections: ConnectionFacts[] }>('GET', ['connections']);
    if (json) printJson(answer);
    else printLines(connectionLines(answer.connections));
    return EXIT.ok;
  },
});
