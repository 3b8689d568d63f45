/**
 * Subscriptions to many topics at once, as a tree of the words of their patterns: `*` stands for one word,
 * `>` and `#` at the end for any number of them, none included. Words are separated by dots. What a topic
 * reaches is remembered, since topics are few and messages are many.
 */

const ONE_WORD = '*';
const ANY_WORDS: ReadonlySet<string> = new Set(['>', '#']);
const SEPARATOR = '.';
/** Topics whose subscriptions are remembered; more are looked up each time anew. */
const MAX_REMEMBERED = 10_000;

interface Node<Subscription> {
  readonly words: Map<string, Node<Subscription>>;
  /** Of patterns that end here. */
  readonly exact: Subscription[];
  /** Of patterns whose last word stands for whatever comes here. */
  readonly open: Subscription[];
}

/** Whether a topic's name means several topics. */
export function isPattern(name: string): boolean {
  return name.split(SEPARATOR).some((word) => word === ONE_WORD || ANY_WORDS.has(word));
}

export class TopicPatterns<Subscription> {
  private root = newNode<Subscription>();
  private readonly remembered = new Map<string, readonly Subscription[]>();
  private count = 0;

  get isEmpty(): boolean {
    return this.count === 0;
  }

  add(pattern: string, subscription: Subscription): void {
    this.listOf(pattern).push(subscription);
    this.count += 1;
    this.remembered.clear();
  }

  remove(pattern: string, subscription: Subscription): void {
    const list = this.listOf(pattern);
    const index = list.indexOf(subscription);
    if (index === -1) return;
    list.splice(index, 1);
    this.count -= 1;
    this.remembered.clear();
    // Words that nobody names any more go with the last pattern: they are few until then.
    if (this.count === 0) this.root = newNode<Subscription>();
  }

  /** Those of all patterns that `topic` matches. */
  matching(topic: string): readonly Subscription[] {
    const known = this.remembered.get(topic);
    if (known !== undefined) return known;
    const found: Subscription[] = [];
    collect(this.root, topic.split(SEPARATOR), 0, found);
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    this.remembered.set(topic, found);
    return found;
  }

  private listOf(pattern: string): Subscription[] {
    let node = this.root;
    for (const word of pattern.split(SEPARATOR)) {
      if (ANY_WORDS.has(word)) return node.open;
      let next = node.words.get(word);
      if (next === undefined) {
        next = newNode<Subscription>();
        node.words.set(word, next);
      }
      node = next;
    }
    return node.exact;
  }
}

/** A name has at most a few hundred words, so this goes no deeper than the stack does. */
function collect<Subscription>(
  node: Node<Subscription>,
  words: readonly string[],
  at: number,
  found: Subscription[],
): void {
  found.push(...node.open);
  const word = words[at];
  if (word === undefined) {
    found.push(...node.exact);
    return;
  }
  const same = node.words.get(word);
  if (same !== undefined) collect(same, words, at + 1, found);
  const any = node.words.get(ONE_WORD);
  if (any !== undefined) collect(any, words, at + 1, found);
}

function newNode<Subscription>(): Node<Subscription> {
  return { words: new Map(), exact: [], open: [] };
}
