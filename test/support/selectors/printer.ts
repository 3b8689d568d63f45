/**
 * Writes a tree as a selector, in one of very many ways: spaces or none, capitals or not, names in
 * quotes or not, and more parentheses than needed. `layout` decides; it is used up in turn.
 */
import type { Tree } from './tree.js';

/** How much each kind binds; what binds less than its place asks for is put in parentheses. */
const BINDS = {
  or: 1,
  and: 2,
  not: 3,
  compare: 4,
  between: 4,
  in: 4,
  like: 4,
  null: 4,
  sum: 5,
  product: 6,
  sign: 7,
  property: 8,
  number: 8,
  string: 8,
  truth: 8,
} as const;

const SPACES = ['', ' ', '  ', '\t', '\n', ' \r\n ', '\f'];
const ORDINARY_NAME = /^[A-Za-z_$\u00c0-\u024f][\w$\u00c0-\u024f]*$/;
const KEYWORD = /^(and|or|not|between|in|like|escape|is|null|true|false)$/i;

export function printSelector(tree: Tree, layout: readonly number[]): string {
  const printer = new Printer(layout);
  return printer.joined(printer.tokens(tree, 0));
}

class Printer {
  private readonly layout: readonly number[];
  private used = 0;

  constructor(layout: readonly number[]) {
    this.layout = layout;
  }

  tokens(tree: Tree, least: number): string[] {
    const isBare = BINDS[tree.kind] >= least;
    const parentheses = (isBare ? 0 : 1) + (this.choose(8) === 0 ? 1 + this.choose(2) : 0);
    return [
      ...Array<string>(parentheses).fill('('),
      ...this.bareTokens(tree),
      ...Array<string>(parentheses).fill(')'),
    ];
  }

  /** Words and numbers that touch would be one. */
  joined(tokens: readonly string[]): string {
    let text = '';
    for (const token of tokens) {
      const space = SPACES[this.choose(SPACES.length)] ?? '';
      const touches = /[\w$.\u00c0-\u024f]$/.test(text) && /^[\w$.\u00c0-\u024f]/.test(token);
      text += (space === '' && touches ? ' ' : space) + token;
    }
    return text;
  }

  private bareTokens(tree: Tree): string[] {
    const inside = BINDS[tree.kind] + 1;
    switch (tree.kind) {
      case 'property':
        return [this.name(tree.name)];
      case 'number':
        return [tree.text];
      case 'string':
        return [string(tree.text)];
      case 'truth':
        return this.words(tree.value ? 'true' : 'false');
      case 'sign':
        return [tree.sign, ...this.tokens(tree.operand, BINDS.sign)];
      case 'sum':
      case 'product': {
        const first = this.tokens(tree.first, inside);
        const rest = tree.rest.map(({ operator, operand }) => [
          operator,
          ...this.tokens(operand, inside),
        ]);
        return [...first, ...rest.flat()];
      }
      case 'compare':
        return [
          ...this.tokens(tree.left, inside),
          tree.operator,
          ...this.tokens(tree.right, inside),
        ];
      case 'not':
        return [...this.words('not'), ...this.tokens(tree.operand, BINDS.not)];
      case 'and':
      case 'or': {
        const operands = tree.operands.map((operand, index) => [
          ...(index === 0 ? [] : this.words(tree.kind)),
          ...this.tokens(operand, inside),
        ]);
        return operands.flat();
      }
      default:
        return this.testTokens(tree, inside);
    }
  }

  private testTokens(
    tree: Extract<Tree, { kind: 'between' | 'in' | 'like' | 'null' }>,
    inside: number,
  ): string[] {
    if (tree.kind === 'between') {
      return [
        ...this.tokens(tree.operand, inside),
        ...this.words(tree.negated ? 'not between' : 'between'),
        ...this.tokens(tree.lowest, inside),
        ...this.words('and'),
        ...this.tokens(tree.highest, inside),
      ];
    }
    const name = this.tokens({ kind: 'property', name: tree.name }, inside);
    if (tree.kind === 'null') {
      return [...name, ...this.words(tree.negated ? 'is not null' : 'is null')];
    }
    const words = this.words(tree.negated ? `not ${tree.kind}` : tree.kind);
    if (tree.kind === 'in') {
      const list = tree.texts.flatMap((text) => [',', string(text)]);
      return [...name, ...words, '(', ...list.slice(1), ')'];
    }
    const escaped = tree.escape === '' ? [] : [...this.words('escape'), string(tree.escape)];
    return [...name, ...words, string(tree.pattern), ...escaped];
  }

  private choose(choices: number): number {
    const chosen = this.layout[this.used % Math.max(1, this.layout.length)] ?? 1;
    this.used += 1;
    return chosen % choices;
  }

  private name(name: string): string {
    const isOrdinary = ORDINARY_NAME.test(name) && !KEYWORD.test(name);
    if (isOrdinary && this.choose(4) > 0) return name;
    return `"${name.replaceAll('"', '""')}"`;
  }

  private words(words: string): string[] {
    return words.split(' ').map((word) => {
      const capitals = this.choose(3);
      if (capitals === 0) return word;
      if (capitals === 1) return word.toUpperCase();
      return word.slice(0, 1).toUpperCase() + word.slice(1);
    });
  }
}

function string(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
