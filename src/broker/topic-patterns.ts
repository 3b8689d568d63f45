/**
 * Subscriptions to many topics at once, as a tree of the words of their patterns: `*` stands for one word,
 * `>` and `#` at the end for any number of them, none included. Words are separated by dots. What a topic
 * reaches is remembered, since topics are few and messages are many.
 */

const ONE_WORD = '*';
const ANY_WORDS: ReadonlySet<string> = new Set(['>', '#']);
const SEPARATOR = '.';
/** Subscriptions that are remembered for topics, and topics themselves; then all are looked up anew. */
const MAX_REMEMBERED = 100_000;

interface Node<Subscription> {
  readonly words: Map<string, Node<Subscription>>;
  /** Of patterns that end here. */
  readonly exact: Subscription[];
  /** Of patterns whose last word stands for whatever comes here. */
  readonly open: Subscription[];
}

/** Whether a topic's name means several topics. What stands for any words is the last one, or it stands for itself. */
export function isPattern(name: string): boolean {
  const words = name.split(SEPARATOR);
  if (words.slice(0, -1).some((word) => ANY_WORDS.has(word))) return false;
  return words.some((word) => word === ONE_WORD || ANY_WORDS.has(word));
}

/** Whether everything that `name`, which may be a pattern itself, stands for is also what `pattern` stands for. */
export function covers(pattern: string, name: string): boolean {
  const words = name.split(SEPARATOR);
  const expected = pattern.split(SEPARATOR);
  for (const [index, word] of expected.entries()) {
    if (ANY_WORDS.has(word)) return true;
    const found = words[index];
    if (found === undefined || ANY_WORDS.has(found)) return false;
    if (word !== ONE_WORD && word !== found) return false;
  }
  return words.length === expected.length;
}

export class TopicPatterns<Subscription> {
  private readonly root = newNode<Subscription>();
  private readonly remembered = new Map<string, readonly Subscription[]>();
  private rememberedCount = 0;
  private count = 0;

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** Words that are kept, in all patterns. */
  get wordCount(): number {
    return countWords(this.root);
  }

  add(pattern: string, subscription: Subscription): void {
    this.listOf(pattern).push(subscription);
    this.count += 1;
    this.forget();
  }

  remove(pattern: string, subscription: Subscription): void {
    const list = this.listOf(pattern);
    const index = list.indexOf(subscription);
    if (index !== -1) {
      list.splice(index, 1);
      this.count -= 1;
      this.forget();
    }
    prune(this.root, pattern.split(SEPARATOR), 0);
  }

  /** Those of all patterns that `topic` matches. */
  matching(topic: string): readonly Subscription[] {
    const known = this.remembered.get(topic);
    if (known !== undefined) return known;
    const found: Subscription[] = [];
    collect(this.root, topic.split(SEPARATOR), 0, found);
    if (this.rememberedCount > MAX_REMEMBERED) this.forget();
    this.rememberedCount += found.length + 1;
    this.remembered.set(topic, found);
    return found;
  }

  private forget(): void {
    this.remembered.clear();
    this.rememberedCount = 0;
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
  for (const subscription of node.open) found.push(subscription);
  const word = words[at];
  if (word === undefined) {
    for (const subscription of node.exact) found.push(subscription);
    return;
  }
  const same = node.words.get(word);
  if (same !== undefined) collect(same, words, at + 1, found);
  const any = node.words.get(ONE_WORD);
  if (any !== undefined) collect(any, words, at + 1, found);
}

/** Takes away the words of a pattern that nobody names any more; true when the node itself is empty. */
function prune<Subscription>(
  node: Node<Subscription>,
  words: readonly string[],
  at: number,
): boolean {
  const word = words[at];
  const next = word === undefined ? undefined : node.words.get(word);
  if (next !== undefined && prune(next, words, at + 1)) node.words.delete(word as string);
  return node.words.size + node.exact.length + node.open.length === 0;
}

function countWords<Subscription>(node: Node<Subscription>): number {
  let count = node.words.size;
  for (const next of node.words.values()) count += countWords(next);
  return count;
}

function newNode<Subscription>(): Node<Subscription> {
  return { words: new Map(), exact: [], open: [] };
}
