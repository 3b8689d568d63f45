/**
 * Reads a selector (Jakarta Messaging 3.1, section 3.8.1.1) into its tree. From what binds least
 * to what binds most: OR, AND, NOT, comparison, + and -, * and /, signs. Only parentheses recurse,
 * and their depth is limited; everything else is a loop.
 *
 * What can only be a mistake whatever the message is, as `price > 'cheap'`, is refused here, which
 * the specification allows and which says more than a selector that never matches.
 */
import { LikePattern } from './like-pattern.js';
import { SELECTOR_LIMITS } from './limits.js';
import { compact, LOWEST_LONG_MAGNITUDE } from './number-literal.js';
import { selectorError } from './selector-error.js';
import {
  type Arithmetic,
  type ArithmeticOperator,
  type ComparisonOperator,
  type Identifier,
  type LogicalOperator,
  type Node,
  type NumberLiteral,
  staticTypeOf,
} from './syntax-tree.js';
import { shortened, type Token, Tokens } from './tokens.js';

const EQUALITY: ReadonlySet<string> = new Set(['=', '<>']);
const ORDER: ReadonlySet<string> = new Set(['<', '<=', '>', '>=']);

const TYPE_NAMES = {
  any: 'a property',
  number: 'a number',
  string: 'a string',
  boolean: 'a condition',
} as const;

export class Parser {
  /** The properties that were named, in the order of their first use. */
  readonly names = new Set<string>();

  private readonly text: string;
  private readonly tokens: Tokens;
  private token: Token;
  private depth = 0;
  private patternCharacters = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = new Tokens(text);
    this.token = this.tokens.next();
  }

  /** The tree of the whole text, which is a condition. */
  parse(): Node {
    if (this.isEnd()) {
      throw this.unexpected('a condition', "write one, as color = 'red', or give no selector");
    }
    const node = this.condition(this.expression());
    if (!this.isEnd()) throw this.unexpectedAfter(node);
    return node;
  }

  private expression(): Node {
    return this.logic('OR', () => this.logic('AND', () => this.negation()));
  }

  private logic(operator: LogicalOperator, read: () => Node): Node {
    const first = read();
    if (!this.isWord(operator)) return first;
    const operands = [this.condition(first)];
    while (this.takeWord(operator)) operands.push(this.condition(read()));
    return { kind: 'logic', operator, operands, at: first.at };
  }

  private negation(): Node {
    const { at } = this.token;
    let isNegated = false;
    let hasNot = false;
    while (this.takeWord('NOT')) {
      isNegated = !isNegated;
      hasNot = true;
    }
    const operand = this.predicate();
    if (!hasNot) return operand;
    // Twice NOT is nothing, except that a property becomes a condition.
    const negated: Node = { kind: 'not', operand: this.condition(operand), at };
    return isNegated ? negated : { kind: 'not', operand: negated, at };
  }

  private predicate(): Node {
    const left = this.sum();
    const { at, kind, text } = this.token;
    if (kind === 'symbol' && EQUALITY.has(text)) {
      this.advance();
      return {
        kind: 'comparison',
        operator: text as ComparisonOperator,
        left,
        right: this.sum(),
        at,
      };
    }
    if (kind === 'symbol' && ORDER.has(text)) {
      this.advance();
      const right = this.numeric(this.sum(), text);
      const operator = text as ComparisonOperator;
      return { kind: 'comparison', operator, left: this.numeric(left, text), right, at };
    }
    if (this.takeWord('IS')) return this.nullTest(left);
    const isNegated = this.takeWord('NOT');
    if (this.takeWord('BETWEEN')) return this.between(left, isNegated);
    if (this.takeWord('IN')) return this.membership(left, isNegated);
    if (this.takeWord('LIKE')) return this.pattern(left, isNegated);
    if (isNegated) {
      throw this.unexpected('BETWEEN, IN or LIKE', 'write NOT before the comparison, or AND NOT');
    }
    return left;
  }

  private nullTest(left: Node): Node {
    const isNegated = this.takeWord('NOT');
    if (!this.takeWord('NULL')) {
      throw this.unexpected('NULL', 'compare other values with = or <>');
    }
    const { name, at } = this.identifier(left, 'IS');
    return { kind: 'null', isNegated, name, at };
  }

  private between(left: Node, isNegated: boolean): Node {
    const operand = this.numeric(left, 'BETWEEN');
    const lowest = this.numeric(this.sum(), 'BETWEEN');
    if (!this.takeWord('AND')) {
      throw this.unexpected('AND', 'write BETWEEN lowest AND highest');
    }
    const highest = this.numeric(this.sum(), 'BETWEEN');
    return { kind: 'between', isNegated, operand, lowest, highest, at: left.at };
  }

  private membership(left: Node, isNegated: boolean): Node {
    const { name, at } = this.identifier(left, 'IN');
    const values = new Set<string>();
    const mend = "list strings, as IN ('red', 'blue'); for numbers write n = 1 OR n = 2";
    if (!this.takeSymbol('(')) throw this.unexpected('"("', mend);
    do values.add(this.string(mend));
    while (this.takeSymbol(','));
    if (!this.takeSymbol(')')) throw this.unexpected('"," or ")"', mend);
    return { kind: 'in', isNegated, name, values, at };
  }

  private pattern(left: Node, isNegated: boolean): Node {
    const { name, at } = this.identifier(left, 'LIKE');
    const place = this.token.at;
    const pattern = this.string("write the pattern in single quotes, as LIKE 'a%'");
    this.patternCharacters += pattern.length;
    if (this.patternCharacters > SELECTOR_LIMITS.maxPatternCharacters) {
      throw this.error(place, {
        expected: `patterns of at most ${SELECTOR_LIMITS.maxPatternCharacters} characters together`,
        found: `${this.patternCharacters}`,
        mend: 'make them shorter, or compare with = or IN',
      });
    }
    const escapeCharacter = this.takeWord('ESCAPE') ? this.escapeCharacter() : null;
    try {
      const compiled = new LikePattern(pattern, escapeCharacter);
      return { kind: 'like', isNegated, name, pattern: compiled, at };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw this.error(place, {
        expected: 'a character after each escape character',
        found: 'a pattern that ends in one',
        mend: 'write the escape character twice where it stands for itself',
      });
    }
  }

  private escapeCharacter(): string {
    const { at } = this.token;
    const mend = "write a single character in quotes, as ESCAPE '!'";
    const text = this.string(mend);
    if ([...text].length === 1) return text;
    throw this.error(at, { expected: 'one escape character', found: shortened(text), mend });
  }

  private sum(): Node {
    return this.arithmetic('+', '-', () => this.arithmetic('*', '/', () => this.signed()));
  }

  private arithmetic(one: ArithmeticOperator, other: ArithmeticOperator, read: () => Node): Node {
    const first = read();
    if (!this.isSymbol(one) && !this.isSymbol(other)) return first;
    const steps: Arithmetic['steps'][number][] = [];
    this.numeric(first, this.token.text);
    while (this.isSymbol(one) || this.isSymbol(other)) {
      const operator = this.token.text as ArithmeticOperator;
      this.advance();
      steps.push({ operator, operand: this.numeric(read(), operator) });
    }
    return { kind: 'arithmetic', first, steps, at: first.at };
  }

  /** Signs before a literal belong to it: the lowest long is one only with its minus. */
  private signed(): Node {
    const { at } = this.token;
    let sign = '';
    let isNegative = false;
    while (this.isSymbol('+') || this.isSymbol('-')) {
      sign = this.token.text;
      isNegative = (sign === '-') !== isNegative;
      this.advance();
    }
    const isLiteral = this.token.kind === 'number';
    const operand = this.primary();
    if (operand.kind === 'number' && isLiteral) {
      if (operand.value === LOWEST_LONG_MAGNITUDE && sign !== '-') {
        throw this.error(operand.at, {
          expected: 'a number in the range of the type long of Java',
          found: `"${operand.value}"`,
          mend: 'write a smaller one, or an approximate one as 1e30',
        });
      }
      return isNegative ? { ...negative(operand), at } : operand;
    }
    if (sign === '') return operand;
    return { kind: 'signed', isNegative, operand: this.numeric(operand, sign), at };
  }

  private primary(): Node {
    const { kind, text, at, value, isExact } = this.token;
    switch (kind) {
      case 'name':
        this.names.add(text);
        this.advance();
        return { kind: 'identifier', name: text, at };
      case 'string':
        this.advance();
        return { kind, value: text, at };
      case 'number':
        this.advance();
        return { kind, value, isExact, at };
      case 'word':
        if (text === 'TRUE' || text === 'FALSE') {
          this.advance();
          return { kind: 'boolean', value: text === 'TRUE', at };
        }
        throw this.unexpectedWord(text);
      default:
        if (text === '(') return this.parentheses();
        throw this.unexpected(
          'a property, a literal or "("',
          'write what the operator before it, or the whole condition, is to work on',
        );
    }
  }

  private parentheses(): Node {
    this.depth += 1;
    if (this.depth > SELECTOR_LIMITS.maxDepth) {
      throw this.unexpected(
        `at most ${SELECTOR_LIMITS.maxDepth} parentheses within each other`,
        'leave out those that are not needed; AND binds more than OR',
      );
    }
    this.advance();
    const inner = this.expression();
    if (!this.takeSymbol(')')) throw this.unexpectedAfter(inner, '")"');
    this.depth -= 1;
    return inner;
  }

  private condition(node: Node): Node {
    const type = staticTypeOf(node);
    if (type === 'any' || type === 'boolean') return node;
    throw this.error(node.at, {
      expected: 'a condition',
      found: TYPE_NAMES[type],
      mend: 'compare it with something',
    });
  }

  private numeric(node: Node, operator: string): Node {
    const type = staticTypeOf(node);
    if (type === 'any' || type === 'number') return node;
    throw this.error(node.at, {
      expected: `a number for ${operator}`,
      found: TYPE_NAMES[type],
      mend: 'write numbers without quotes; strings and conditions compare with = and <> only',
    });
  }

  private identifier(node: Node, operator: string): Identifier {
    if (node.kind === 'identifier') return node;
    throw this.error(node.at, {
      expected: `the name of a property before ${operator}`,
      found: node.kind === 'string' ? 'a string' : TYPE_NAMES[staticTypeOf(node)],
      mend: 'write the name without single quotes',
    });
  }

  private string(mend: string): string {
    const { kind, text } = this.token;
    if (kind !== 'string') throw this.unexpected('a string', mend);
    this.advance();
    return text;
  }

  private advance(): void {
    this.token = this.tokens.next();
  }

  private isEnd(): boolean {
    return this.token.kind === 'end';
  }

  private isWord(word: string): boolean {
    return this.token.kind === 'word' && this.token.text === word;
  }

  private isSymbol(symbol: string): boolean {
    return this.token.kind === 'symbol' && this.token.text === symbol;
  }

  private takeWord(word: string): boolean {
    const isWord = this.isWord(word);
    if (isWord) this.advance();
    return isWord;
  }

  private takeSymbol(symbol: string): boolean {
    const isSymbol = this.isSymbol(symbol);
    if (isSymbol) this.advance();
    return isSymbol;
  }

  private unexpectedWord(word: string): Error {
    const mend = {
      NULL: 'write IS NULL or IS NOT NULL',
      NOT: 'write NOT before the whole comparison, or put what it belongs to in parentheses',
    }[word];
    const isName = `put ${word} in double quotes if it is the name of a property`;
    return this.unexpected('a property, a literal or "("', mend ?? isName);
  }

  private unexpectedAfter(node: Node, closing = 'the end'): Error {
    const isValue = staticTypeOf(node) !== 'boolean';
    return this.unexpected(
      isValue ? `an operator or ${closing}` : `AND, OR or ${closing}`,
      this.token.kind === 'end'
        ? 'close what was opened'
        : 'join conditions by AND or OR, and put comparisons of comparisons in parentheses',
    );
  }

  private unexpected(expected: string, mend: string): Error {
    const { kind, at, end } = this.token;
    const found = kind === 'end' ? 'the end' : shortened(this.text.slice(at, end));
    return this.error(at, { expected, found, mend });
  }

  private error(
    at: number,
    mistake: { readonly expected: string; readonly found: string; readonly mend: string },
  ): Error {
    return selectorError(this.text, { at, ...mistake });
  }
}

function negative({ kind, value, isExact, at }: NumberLiteral): NumberLiteral {
  if (typeof value === 'bigint') return { kind, value: compact(-value), isExact, at };
  // An exact zero has no sign.
  return { kind, value: isExact ? 0 - value : -value, isExact, at };
}
