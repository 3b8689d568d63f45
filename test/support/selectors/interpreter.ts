/**
 * What a selector means, in the slowest and plainest way: Jakarta Messaging 3.1, sections 3.8.1.1
 * and 3.8.1.2, walked over the tree for every message, with exact numbers always bigints. It
 * shares nothing with src/selector/.
 */
import { type Compared, type Operator, type Samples, sampleValue, type Tree } from './tree.js';

type Value =
  | { readonly type: 'exact'; readonly value: bigint }
  | { readonly type: 'approximate'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'unknown' };

const UNKNOWN: Value = { type: 'unknown' };
const truth = (value: boolean): Value => ({ type: 'boolean', value });

export function matchesSlowly(tree: Tree, samples: Samples): boolean {
  return isTruth(asCondition(valueOfTree(tree, samples)), true);
}

const isTruth = (value: Value, expected: boolean) =>
  value.type === 'boolean' && value.value === expected;

/** A value where a condition is expected is short for `value = TRUE`. */
const asCondition = (value: Value) => compare('=', value, truth(true));

function negation(value: Value): Value {
  return value.type === 'boolean' ? truth(!value.value) : value;
}

function conjunction(values: readonly Value[]): Value {
  if (values.some((value) => isTruth(value, false))) return truth(false);
  return values.every((value) => isTruth(value, true)) ? truth(true) : UNKNOWN;
}

function disjunction(values: readonly Value[]): Value {
  if (values.some((value) => isTruth(value, true))) return truth(true);
  return values.every((value) => isTruth(value, false)) ? truth(false) : UNKNOWN;
}

function property(name: string, samples: Samples): Value {
  const sample = Object.hasOwn(samples, name) ? samples[name] : undefined;
  const value = sample === undefined ? null : sampleValue(sample);
  switch (typeof value) {
    case 'string':
      return { type: 'string', value };
    case 'boolean':
      return truth(value);
    case 'bigint':
      return { type: 'exact', value };
    case 'number': {
      const isExact = Number.isSafeInteger(value) && !Object.is(value, -0);
      return isExact ? { type: 'exact', value: BigInt(value) } : { type: 'approximate', value };
    }
    default:
      return UNKNOWN;
  }
}

/** The suffixes and forms of Java. */
function numberLiteral(text: string): Value {
  if (/^0x/i.test(text)) return bits(text.replace(/l$/i, ''));
  if (/^0[0-7]+l?$/i.test(text)) return bits(`0o${text.replace(/l$/i, '')}`);
  if (/^[0-9]+l?$/i.test(text)) return { type: 'exact', value: BigInt(text.replace(/l$/i, '')) };
  const value = Number.parseFloat(text);
  return { type: 'approximate', value: /f$/i.test(text) ? Math.fround(value) : value };
}

function bits(text: string): Value {
  const value = BigInt(text);
  return { type: 'exact', value: value >= 2n ** 63n ? value - 2n ** 64n : value };
}

function operate(operator: Operator, left: Value, right: Value): Value {
  if (left.type === 'exact' && right.type === 'exact') {
    const [a, b] = [left.value, right.value];
    if (operator === '/' && b === 0n) return UNKNOWN;
    const result = { '+': () => a + b, '-': () => a - b, '*': () => a * b, '/': () => a / b };
    const value = result[operator]();
    const isLong = value >= -(2n ** 63n) && value < 2n ** 64n;
    return isLong ? { type: 'exact', value } : asNumber(Number(value));
  }
  const [a, b] = [double(left), double(right)];
  if (a === undefined || b === undefined) return UNKNOWN;
  return asNumber({ '+': a + b, '-': a - b, '*': a * b, '/': a / b }[operator]);
}

const asNumber = (value: number): Value => ({ type: 'approximate', value });

function double(value: Value): number | undefined {
  return value.type === 'exact' || value.type === 'approximate' ? Number(value.value) : undefined;
}

/** Below, at or above zero as `left` is below, at or above `right`; NaN when they have no order. */
function order(left: Value, right: Value): number {
  const [a, b] = [double(left), double(right)];
  if (a === undefined || b === undefined || Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
  if (!hasFiniteValue(left) || !hasFiniteValue(right)) return a === b ? 0 : Math.sign(a - b);
  const [scaledLeft, scaledRight] = [scaled(left), scaled(right)];
  return scaledLeft < scaledRight ? -1 : scaledLeft > scaledRight ? 1 : 0;
}

const hasFiniteValue = (value: Value) =>
  value.type !== 'approximate' || Number.isFinite(value.value);

/** The exact value of any number times 2 to the power of 1,074, which is whole for every double. */
function scaled(value: Value): bigint {
  if (value.type === 'exact') return value.value << 1074n;
  assertApproximate(value);
  let [mantissa, exponent] = [value.value, 1074];
  for (; !Number.isInteger(mantissa); exponent -= 1) mantissa *= 2;
  return BigInt(mantissa) << BigInt(exponent);
}

function assertApproximate(value: Value): asserts value is Value & { type: 'approximate' } {
  if (value.type !== 'approximate') throw new Error('not a number');
}

function compare(operator: Compared, left: Value, right: Value): Value {
  if (left.type === 'unknown' || right.type === 'unknown') return UNKNOWN;
  if (double(left) !== undefined && double(right) !== undefined) {
    const sign = order(left, right);
    const results = {
      '=': sign === 0,
      '<>': sign !== 0,
      '<': sign < 0,
      '<=': sign <= 0,
      '>': sign > 0,
      '>=': sign >= 0,
    };
    return truth(results[operator]);
  }
  if (left.type !== right.type) return truth(false);
  if (operator === '=') return truth(left.value === right.value);
  return truth(operator === '<>' && left.value !== right.value);
}

type PatternPart = { readonly wild: '%' | '_' | null; readonly character: string };

function patternParts(pattern: string, escapeCharacter: string): readonly PatternPart[] {
  const parts: PatternPart[] = [];
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    if (character === escapeCharacter) {
      at += 1;
      parts.push({ wild: null, character: characters[at] ?? '' });
    } else {
      parts.push({ wild: character === '%' || character === '_' ? character : null, character });
    }
  }
  return parts;
}

function isLike([part, ...parts]: readonly PatternPart[], text: readonly string[]): boolean {
  if (part === undefined) return text.length === 0;
  const [first, ...rest] = text;
  if (part.wild === '%') {
    return isLike(parts, text) || (first !== undefined && isLike([part, ...parts], rest));
  }
  if (first === undefined) return false;
  return (part.wild === '_' || part.character === first) && isLike(parts, rest);
}

function valueOfTree(tree: Tree, samples: Samples): Value {
  const of = (other: Tree) => valueOfTree(other, samples);
  const negatedIf = (isNegated: boolean, value: Value) => (isNegated ? negation(value) : value);
  switch (tree.kind) {
    case 'property':
      return property(tree.name, samples);
    case 'number':
      return numberLiteral(tree.text);
    case 'string':
      return { type: 'string', value: tree.text };
    case 'truth':
      return truth(tree.value);
    case 'sign':
      return signed(tree.sign, of(tree.operand));
    case 'sum':
    case 'product':
      return tree.rest.reduce(
        (value, { operator, operand }) => operate(operator, value, of(operand)),
        of(tree.first),
      );
    case 'compare':
      return compare(tree.operator, of(tree.left), of(tree.right));
    case 'between': {
      const [value, low, high] = [of(tree.operand), of(tree.lowest), of(tree.highest)];
      if (tree.negated) return disjunction([compare('<', value, low), compare('>', value, high)]);
      return conjunction([compare('>=', value, low), compare('<=', value, high)]);
    }
    case 'in': {
      const value = property(tree.name, samples);
      const equal = tree.texts.map((text) => compare('=', value, { type: 'string', value: text }));
      return negatedIf(tree.negated, disjunction(equal));
    }
    case 'like': {
      const value = property(tree.name, samples);
      if (value.type === 'unknown') return UNKNOWN;
      const parts = patternParts(tree.pattern, tree.escape);
      const matched = value.type === 'string' && isLike(parts, [...value.value]);
      return negatedIf(tree.negated, truth(matched));
    }
    case 'null':
      return negatedIf(tree.negated, truth(property(tree.name, samples).type === 'unknown'));
    case 'not':
      return negation(asCondition(of(tree.operand)));
    case 'and':
      return conjunction(tree.operands.map((operand) => asCondition(of(operand))));
    case 'or':
      return disjunction(tree.operands.map((operand) => asCondition(of(operand))));
  }
}

function signed(sign: '+' | '-', value: Value): Value {
  if (value.type !== 'exact' && value.type !== 'approximate') return UNKNOWN;
  if (sign === '+') return value;
  return value.type === 'exact' ? { type: 'exact', value: -value.value } : asNumber(-value.value);
}
