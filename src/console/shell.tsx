/** What is around every page: where one is, which node this is, and keys. */

import { Fragment } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ChartsPage } from './charts-page.js';
import { ConnectionsPage, SubscriptionsPage, TransactionsPage } from './clients-page.js';
import { duration } from './format.js';
import { KeysDialog, useKeys } from './keys.js';
import { LoginDialog, LoginPage } from './login-page.js';
import { MessagePage } from './message-page.js';
import { news, queues } from './node-watch.js';
import { Notices, tell, telling } from './notices.js';
import { useValue } from './observable.js';
import { consoleAddress, otherAddresses, takeCameFrom } from './other-nodes.js';
import { PairPage } from './pair-page.js';
import { QueuePage } from './queue-page.js';
import { DeadLettersPage, QueuesPage } from './queues-page.js';
import { linkTo, route } from './route.js';
import { hasEnded, logOut, may, maySomewhere, session } from './session.js';
import { nextTheme, theme } from './theme.js';

interface Place {
  readonly path: string;
  readonly title: string;
  readonly isOffered: () => boolean;
  readonly show: () => preact.JSX.Element;
}

const PLACES: readonly Place[] = [
  { path: '', title: 'Pair', isOffered: () => true, show: () => <PairPage /> },
  {
    path: 'queues',
    title: 'Queues',
    isOffered: () => maySomewhere('view'),
    show: () => <QueuesPage />,
  },
  {
    path: 'dead-letters',
    title: 'Dead letters',
    isOffered: () => maySomewhere('view'),
    show: () => <DeadLettersPage />,
  },
  { path: 'charts', title: 'Charts', isOffered: () => may('view'), show: () => <ChartsPage /> },
  {
    path: 'subscriptions',
    title: 'Subscriptions',
    isOffered: () => maySomewhere('view'),
    show: () => <SubscriptionsPage />,
  },
  {
    path: 'connections',
    title: 'Connections',
    isOffered: () => may('view'),
    show: () => <ConnectionsPage />,
  },
  {
    path: 'transactions',
    title: 'Transactions',
    isOffered: () => may('view'),
    show: () => <TransactionsPage />,
  },
];

export function Shell() {
  const parts = useValue(route);
  const { own, silentSinceMs } = useValue(news);
  const known = useValue(session);
  const isOver = useValue(hasEnded);
  const isSomebodyHere = known !== null && (!known.usersRequired || known.user !== null);
  const [areKeysShown, setKeysShown] = useState(false);
  useKeys(() => setKeysShown(true));
  useEffect(() => {
    const from = takeCameFrom();
    if (from !== null) tell(`${from} does not answer any more; this is another node of the store.`);
  }, []);
  return (
    <>
      <button type="button" class="skip" onClick={focusMain}>
        To the content
      </button>
      <header>
        <a class="brand" href="#/">
          Holdfast
        </a>
        {isSomebodyHere && <Places parts={parts} />}
        <Corner user={known?.user ?? null} showKeys={() => setKeysShown(true)} />
      </header>
      {silentSinceMs !== null && <Silence sinceMs={silentSinceMs} />}
      <main id="main" tabIndex={-1}>
        {known === null ? (
          <p class="empty">Asking the node…</p>
        ) : isSomebodyHere ? (
          <Fragment key={known.user}>
            <BackupHint />
            <Page parts={parts} />
          </Fragment>
        ) : (
          <LoginPage node={own?.node ?? null} />
        )}
      </main>
      <Notices />
      {isOver && <LoginDialog user={known?.user ?? null} />}
      {areKeysShown && <KeysDialog close={() => setKeysShown(false)} />}
    </>
  );
}

function focusMain(): void {
  document.getElementById('main')?.focus();
}

function Places({ parts }: { readonly parts: readonly string[] }) {
  const letters = [...useValue(queues).values()]
    .filter(({ deadLetters }) => deadLetters)
    .reduce((sum, { messages }) => sum + messages, 0);
  const list = useRef<HTMLElement>(null);
  // On a phone there is not room for all of them.
  useEffect(() => {
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [parts[0]]);
  return (
    <nav ref={list} aria-label="Pages">
      {PLACES.filter(({ isOffered }) => isOffered()).map(({ path, title }) => (
        <a
          key={path}
          href={path === '' ? '#/' : linkTo(path)}
          aria-current={(parts[0] ?? '') === path ? 'page' : undefined}
        >
          {title}{' '}
          {path === 'dead-letters' && letters > 0 && <span class="badge bad">{letters}</span>}
        </a>
      ))}
    </nav>
  );
}

function Corner({
  user,
  showKeys,
}: {
  readonly user: string | null;
  readonly showKeys: () => void;
}) {
  const look = useValue(theme);
  return (
    <div class="corner">
      <button
        type="button"
        class="quiet"
        onClick={nextTheme}
        aria-label={`Look: ${look}; change it`}
      >
        {look === 'system' ? '◐' : look === 'dark' ? '●' : '○'}
      </button>
      <button type="button" class="quiet" onClick={showKeys} aria-label="Keys">
        ?
      </button>
      {user !== null && (
        <>
          <span class="faint user">{user}</span>
          <button type="button" class="quiet" onClick={() => void telling(logOut)}>
            Log out
          </button>
        </>
      )}
    </div>
  );
}

function Silence({ sinceMs }: { readonly sinceMs: number }) {
  const { own } = news.value;
  const others = own === null ? [] : otherAddresses(own);
  return (
    <p class="silence" role="alert">
      {own === null ? location.host : `Node ${own.node}`} has not answered for{' '}
      {duration(Date.now() - sinceMs)}.{' '}
      {others.length === 0
        ? 'No other node is known; it is asked again each second.'
        : `Asking ${others.join(', ')}, too; the page goes to the one that answers.`}
    </p>
  );
}

/** Of queues a backup knows what the journal says, and nothing of consumers. */
function BackupHint() {
  const { own } = useValue(news);
  if (own === null || own.live === null || own.live.node === own.node) return null;
  const address = consoleAddress(own.live.addresses);
  return (
    <p class="hint">
      This page is of {own.node}, which is {own.role}: queues are shown as far as it has followed.{' '}
      {address !== undefined && (
        <a href={`${location.protocol}//${address}/console/${location.hash}`}>
          Go to {own.live.node}, which is live
        </a>
      )}
    </p>
  );
}

function Page({ parts }: { readonly parts: readonly string[] }) {
  const [first = '', second, third] = parts;
  if (first === 'queues' && second !== undefined) {
    const id = Number(third);
    if (third !== undefined && Number.isSafeInteger(id))
      return <MessagePage queue={second} id={id} />;
    return <QueuePage name={second} />;
  }
  const place = PLACES.find(({ path }) => path === first);
  if (place === undefined) {
    return (
      <section class="card">
        <h1>There is no such page.</h1>
        <a href="#/">To the pair</a>
      </section>
    );
  }
  if (!place.isOffered()) {
    return (
      <section class="card">
        <h1>{session.value?.user} has no right to see this.</h1>
        <p>Ask for a role with the right to view.</p>
      </section>
    );
  }
  return place.show();
}
