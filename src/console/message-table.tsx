/** The messages of a queue, a page at a time, in the order in which they came. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { BrowsePage } from '../node/administration.js';
import type { MessageView } from '../node/message-view.js';
import { messageOf } from '../platform/errors.js';
import { call, Problem, queuePath } from './api.js';
import { bytes, fullMoment, moment } from './format.js';
import { bodyPreview } from './message-body.js';
import { news } from './node-watch.js';
import { useValue } from './observable.js';
import { linkTo } from './route.js';
import { SortedTable } from './sorted-table.js';

const PAGE = 50;

interface MessageTableProps {
  readonly queue: string;
  /** Changes when they are to be read again. */
  readonly round: number;
  /** Another one when the queue has changed. */
  readonly version: string;
  readonly chosen: ReadonlySet<number>;
  readonly choose: (ids: ReadonlySet<number>) => void;
  /** A selector; empty for all. */
  readonly filter: string;
  readonly useFilter: (filter: string) => void;
}

export function MessageTable(props: MessageTableProps) {
  const { queue, round, version, chosen, choose, filter, useFilter } = props;
  const [text, setText] = useState(filter);
  /** Where each page begins that led here. */
  const [starts, setStarts] = useState<readonly number[]>([0]);
  const [page, setPage] = useState<BrowsePage | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const secondOfNews = useValue(news);
  const retry = fault === null || isWrongSelector(fault) ? null : secondOfNews;
  const list = useRef<HTMLDivElement>(null);
  const [readVersion, readAgain] = useVersionToRead(version, round, list, chosen.size > 0);
  const after = starts.at(-1) ?? 0;
  useEffect(() => setStarts([0]), [queue, filter]);
  useEffect(() => {
    let isWanted = true;
    readPage(queue, filter, after)
      .then((found) => {
        if (!isWanted) return;
        setPage(found);
        setFault(null);
      })
      .catch((error: unknown) => isWanted && setFault(error));
    return () => {
      isWanted = false;
    };
  }, [queue, filter, after, round, readVersion, retry]);
  const apply = (event: Event): void => {
    event.preventDefault();
    choose(new Set());
    useFilter(text.trim());
  };
  const ids = page?.messages.map(({ id }) => id) ?? [];
  const areAllChosen = ids.length > 0 && ids.every((id) => chosen.has(id));
  return (
    <section class="card">
      <form class="bar" onSubmit={apply}>
        <h2>Messages</h2>
        <input
          type="search"
          class="filter wide"
          placeholder="Selector, as customer = 'c7' AND JMSPriority > 4"
          aria-label="Selector"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit">Filter</button>
      </form>
      {fault !== null && (
        <p class="fault" role="alert">
          {messageOf(fault)}
        </p>
      )}
      {page !== null && (
        <>
          {ids.length > 0 && (
            <label class="choose-all">
              <input
                type="checkbox"
                checked={areAllChosen}
                onChange={() => choose(new Set(areAllChosen ? [] : ids))}
              />{' '}
              Choose all on this page
            </label>
          )}
          <div ref={list}>
            <Rows queue={queue} messages={page.messages} chosen={chosen} choose={choose} />
          </div>
          <div class="bar">
            <button
              type="button"
              disabled={starts.length === 1}
              onClick={() => setStarts(starts.slice(0, -1))}
            >
              ← Back
            </button>
            <button
              type="button"
              disabled={page.next === null}
              onClick={() => page.next !== null && setStarts([...starts, page.next])}
            >
              Next →
            </button>
            <span class="faint">Page {starts.length}</span>
            {readVersion !== version && (
              <button type="button" onClick={readAgain}>
                The queue has changed: read again
              </button>
            )}
          </div>
        </>
      )}
    </section>
  );
}

/**
 * The list follows the queue, unless somebody works in it or has scrolled into it, for it must not jump away under
 * the hand or the eye; and not while nobody sees the page. What it says then is the version that is shown.
 */
function useVersionToRead(
  version: string,
  round: number,
  list: { readonly current: HTMLElement | null },
  isChosenFrom: boolean,
): readonly [string, () => void] {
  const [readVersion, setReadVersion] = useState(version);
  const readAgain = (): void => setReadVersion(version);
  useLayoutEffect(readAgain, [round]);
  useLayoutEffect(() => {
    const follow = (): void => {
      if (!document.hidden && !isChosenFrom && !isRead(list.current)) readAgain();
    };
    follow();
    const shown = list.current;
    document.addEventListener('visibilitychange', follow);
    document.addEventListener('scrollend', follow);
    shown?.addEventListener('pointerleave', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      document.removeEventListener('scrollend', follow);
      shown?.removeEventListener('pointerleave', follow);
    };
  }, [version, isChosenFrom]);
  return [readVersion, readAgain];
}

/** A finger leaves no pointer behind: who reads on a phone is known by having scrolled. */
function isRead(list: HTMLElement | null): boolean {
  if (list === null) return false;
  return list.matches(':hover, :focus-within') || list.getBoundingClientRect().top < 0;
}

/** Whatever else is in the way may be over in a second: nobody is live, or a session that has ended. */
function isWrongSelector(fault: unknown): boolean {
  return fault instanceof Problem && fault.status === 400;
}

async function readPage(queue: string, filter: string, after: number): Promise<BrowsePage> {
  const query = new URLSearchParams({ limit: String(PAGE), after: String(after) });
  if (filter !== '') query.set('filter', filter);
  return call<BrowsePage>('GET', queuePath(queue, `/messages?${query}`));
}

interface RowsProps extends Pick<MessageTableProps, 'queue' | 'chosen' | 'choose'> {
  readonly messages: readonly MessageView[];
}

function Rows({ queue, messages, chosen, choose }: RowsProps) {
  const turn = (id: number): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  return (
    <SortedTable
      label="Messages"
      rows={messages}
      keyOf={({ id }) => id}
      empty="There is no message here."
      columns={[
        {
          title: 'Message',
          show: ({ id }) => (
            <span class="nowrap">
              <input
                type="checkbox"
                aria-label={`Choose message ${id}`}
                checked={chosen.has(id)}
                onChange={() => turn(id)}
              />{' '}
              <a href={linkTo('queues', queue, id)}>{id}</a>
            </span>
          ),
        },
        { title: 'State', show: ({ state }) => state },
        {
          title: 'Sent',
          show: ({ timestampMs }) => (
            <time class="nowrap" dateTime={fullMoment(timestampMs)} title={fullMoment(timestampMs)}>
              {moment(timestampMs)}
            </time>
          ),
        },
        { title: 'Priority', isNumber: true, show: ({ priority }) => priority },
        { title: 'Failed', isNumber: true, show: ({ failedDeliveries }) => failedDeliveries },
        { title: 'Size', isNumber: true, show: (message) => bytes(message.body.bytes) },
        { title: 'Body', show: ({ body }) => <code class="preview">{bodyPreview(body)}</code> },
      ]}
    />
  );
}
