/** `holdfast queue`: what queues hold, and what operators do about it, over the admin API. */

import type { QueueFacts } from '../../broker/facts.js';
import type { BrowsePage } from '../../node/administration.js';
import type { MessageView } from '../../node/message-view.js';
import { HoldfastError } from '../../platform/errors.js';
import { KIND_PREFIX } from '../../protocols/shared/destination-name.js';
import type { AdminClient } from '../admin/admin-client.js';
import { confirm, YES_OPTION } from '../admin/confirm.js';
import { ADMIN_OPTIONS, findAdmin } from '../admin/find-admin.js';
import { carryOut, type Order, type OrderResult } from '../admin/order.js';
import { printJson, printLines } from '../admin/print.js';
import { detailLines, messageLines, queueLines, statLines } from '../admin/queue-view.js';
import { requireWhole, usageError } from '../arguments.js';
import { defineCommand } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { messagesText } from '../text.js';

const ORDERS = ['purge', 'expire', 'retry', 'move', 'copy'] as const;
const DESTROYING: ReadonlySet<string> = new Set(['purge', 'expire']);
const CHANGES = ['pause', 'resume', 'create', 'delete'] as const;
const PAGE_MESSAGES = 1_000;
const USUAL_BROWSE_LIMIT = 100;

export const command = defineCommand({
  options: {
    ...ADMIN_OPTIONS,
    to: { type: 'string', requiresArg: true, description: 'For move and copy: the other queue' },
    filter: {
      type: 'string',
      requiresArg: true,
      description: 'A message selector: only messages that fit it (docs/selectors.md)',
    },
    id: {
      type: 'number',
      array: true,
      nargs: 1,
      requiresArg: true,
      description: 'Only this message; may be given again. With browse: the whole of it',
    },
    limit: {
      type: 'number',
      requiresArg: true,
      description: `Messages at most; default: all, with browse ${USUAL_BROWSE_LIMIT}`,
    },
    yes: YES_OPTION,
    json: { type: 'boolean', description: 'One JSON object' },
  },
  positionals: {
    action: {
      choices: ['list', 'stat', 'browse', ...ORDERS, ...CHANGES],
      demandOption: true,
      description: 'What to do',
    },
    name: { type: 'string', description: 'The queue; of all actions but list' },
  },
  examples: [
    ['queue list --store /srv/holdfast', 'All queues with their depths'],
    ['queue browse orders --filter "customer = \'c7\'"', 'Messages, without taking them'],
    ['queue retry DLQ.orders', 'Dead letters go back to where they came from'],
    ['queue move orders --to orders.later --limit 1000', 'The first thousand'],
    ['queue purge orders --yes', 'All of them, for good'],
  ],
  epilogue:
    'Names are those without /queue/. An answer comes when the change is on stable storage. Ends with 2 when a name or a filter is wrong, with 3 when there is no such queue, it is in use, what is moved has no room, or the user has no right to it, with 4 when nobody is live. docs/admin.md tells what each does.',
  async run({ action, name, json = false, yes, ...given }) {
    const queue = checkedName(action, name);
    const options = checked(action, given);
    const admin = await findAdmin(given);
    const carried = carryOutAction(admin, { action, queue, options, json, yes });
    return carried.catch((error: unknown) => {
      throw withHint(error, queue);
    });
  },
});

interface Wanted {
  readonly action: string;
  readonly queue: string;
  readonly options: Options;
  readonly json: boolean;
  readonly yes: boolean | undefined;
}

async function carryOutAction(admin: AdminClient, wanted: Wanted): Promise<ExitCode> {
  const { action, queue, options, json, yes } = wanted;
  if (action === 'list') {
    const answer = await admin.call<{ queues: QueueFacts[] }>('GET', ['queues']);
    if (json) printJson(answer);
    else printLines(queueLines(answer.queues));
  } else if (action === 'stat') {
    const facts = await admin.call<QueueFacts>('GET', ['queues', queue]);
    if (json) printJson(facts);
    else printLines(statLines(facts));
  } else if (action === 'browse') {
    await browse(admin, queue, options, json);
  } else if (isOrder(action)) {
    const order: Order = { queue, kind: action, ...options, limit: options.limit ?? Infinity };
    if (DESTROYING.has(action)) await confirm(await question(admin, order), yes);
    const result = await carryOut(admin, order);
    if (json) printJson(result);
    else printLines([orderLine(order, result)]);
    if (result.isStuck) return EXIT.refused;
  } else if (isChange(action)) {
    if (action === 'delete') await confirm(`Delete the queue ${queue}?`, yes);
    await change(admin, action, queue);
    if (json) printJson({ queue, action });
    else printLines([CHANGE_LINES[action](queue)]);
  }
  return EXIT.ok;
}

interface Given {
  readonly to?: string | undefined;
  readonly filter?: string | undefined;
  readonly id?: readonly number[] | undefined;
  readonly limit?: number | undefined;
}

interface Options {
  readonly to?: string;
  readonly filter?: string;
  readonly ids?: readonly number[];
  readonly limit?: number;
}

function isOrder(action: string): action is Order['kind'] {
  return (ORDERS as readonly string[]).includes(action);
}

function isChange(action: string): action is (typeof CHANGES)[number] {
  return (CHANGES as readonly string[]).includes(action);
}

function checkedName(action: string, name: string | undefined): string {
  if (action === 'list' && name !== undefined) {
    throw usageError(`holdfast queue list takes no name; see holdfast queue stat ${name}.`);
  }
  if (action !== 'list' && (name === undefined || name === '')) {
    throw usageError(`holdfast queue ${action} needs the name of a queue.`);
  }
  if (action === 'create') refusePrefix(name ?? '');
  return name ?? '';
}

function refusePrefix(name: string): void {
  if (!KIND_PREFIX.test(name)) return;
  throw usageError(
    `Queues are named without a prefix here: write ${name.replace(KIND_PREFIX, '')}, not ${name}.`,
  );
}

/** A queue may have such a name, where `amqp.queuePrefixes` is another: so it is asked for first. */
function withHint(error: unknown, queue: string): unknown {
  const isHinted = error instanceof HoldfastError && error.code === 'NOT_FOUND';
  if (!isHinted || !KIND_PREFIX.test(queue)) return error;
  return new HoldfastError(
    'NOT_FOUND',
    `${error.message} Write ${queue.replace(KIND_PREFIX, '')}, without a prefix.`,
  );
}

/** What an action does not take is refused: a filter that is left out would purge everything. */
function checked(action: string, { to, filter, id, limit }: Given): Options {
  const moves = action === 'move' || action === 'copy';
  if (moves && to === undefined) throw usageError(`holdfast queue ${action} needs --to QUEUE.`);
  if (!moves && to !== undefined) throw usageError(`holdfast queue ${action} takes no --to.`);
  const selects = isOrder(action) || action === 'browse';
  for (const [option, value] of Object.entries({ filter, id, limit })) {
    if (value !== undefined && !selects) {
      throw usageError(`holdfast queue ${action} takes no --${option}.`);
    }
  }
  if (action === 'browse' && id !== undefined && (filter ?? limit) !== undefined) {
    throw usageError(
      'holdfast queue browse --id shows that message; it takes no --filter and --limit.',
    );
  }
  if (to !== undefined) refusePrefix(to);
  if (limit !== undefined) requireWhole('limit', limit, 1);
  if (id?.some((each) => !Number.isSafeInteger(each) || each < 0)) {
    throw usageError('--id must be the id of a message, a whole number as browse shows it.');
  }
  return {
    ...(to === undefined ? {} : { to }),
    ...(filter === undefined ? {} : { filter }),
    ...(id === undefined ? {} : { ids: id }),
    ...(limit === undefined ? {} : { limit }),
  };
}

async function browse(
  admin: AdminClient,
  queue: string,
  { ids, filter, limit = USUAL_BROWSE_LIMIT }: Options,
  json: boolean,
): Promise<void> {
  if (ids !== undefined) {
    for (const id of ids) {
      const path = ['queues', queue, 'messages', String(id)];
      const message = await admin.call<MessageView>('GET', path);
      if (json) printJson(message);
      else printLines(detailLines(message));
    }
    return;
  }
  const messages: MessageView[] = [];
  let next: number | null = 0;
  while (next !== null && messages.length < limit) {
    const query = { filter, after: next, limit: Math.min(PAGE_MESSAGES, limit - messages.length) };
    const page: BrowsePage = await admin.call('GET', ['queues', queue, 'messages'], { query });
    messages.push(...page.messages);
    next = page.next;
  }
  if (json) {
    printJson({ messages, next });
    return;
  }
  const more = next === null ? [] : ['There are more; say --limit for them.'];
  printLines([...messageLines(messages), ...more]);
}

async function question(admin: AdminClient, { queue, kind, ids, filter }: Order): Promise<string> {
  const { messages } = await admin.call<QueueFacts>('GET', ['queues', queue]);
  const verb = kind === 'purge' ? 'Remove' : 'Expire';
  if (ids !== undefined)
    return `${verb} ${messagesText(ids.length)} of the queue ${queue} for good?`;
  const which = filter === undefined ? '' : `, those with ${filter},`;
  return `${verb} the ${messagesText(messages)} of the queue ${queue}${which} for good?`;
}

const VERBS = {
  purge: 'removed from',
  expire: 'expired in',
  retry: 'sent back from',
  move: 'moved from',
  copy: 'copied from',
} as const;

function orderLine({ queue, kind, to }: Order, result: OrderResult): string {
  const { done, skipped, reason, isStuck } = result;
  const target = to === undefined ? '' : ` to ${to}`;
  const left = skipped === 0 ? '' : ` ${skipped} were left.`;
  const rest = isStuck ? ' The rest has no room.' : '';
  return `${messagesText(done)} ${VERBS[kind]} ${queue}${target}.${left}${rest}${reason === null ? '' : ` ${reason}`}`;
}

const CHANGE_LINES: {
  readonly [action in (typeof CHANGES)[number]]: (queue: string) => string;
} = {
  pause: (queue) => `${queue} is paused, until it is resumed or another node is live.`,
  resume: (queue) => `${queue} delivers again.`,
  create: (queue) => `${queue} is there.`,
  delete: (queue) => `${queue} is gone.`,
};

async function change(
  admin: AdminClient,
  action: (typeof CHANGES)[number],
  queue: string,
): Promise<void> {
  if (action === 'create') await admin.call('PUT', ['queues', queue]);
  else if (action === 'delete') await admin.call('DELETE', ['queues', queue]);
  else await admin.call('POST', ['queues', queue, action]);
}
