/** Random selectors and random messages, from few names and values, so that they often meet. */
import fc from 'fast-check';
import type { Compared, Operator, Sample, Samples, Tree } from './tree.js';

const NAMES = [
  'a',
  'b',
  'c',
  'd',
  '$x',
  'naïve',
  'order-id',
  'a.b',
  'AND',
  'say "hi"',
  '__proto__',
];
const MOST_OPERANDS = 4;
const DEPTH = 4;

const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  { weight: 1, arbitrary: fc.constantFrom(...NAMES) },
);
const characters = fc.constantFrom('a', 'b', '%', '_', '!', "'", '😀');
const text = fc.oneof(
  fc.constantFrom('', 'a', 'ab', 'red', "it's", '10', 'true'),
  fc.array(characters, { maxLength: 6 }).map((parts) => parts.join('')),
  fc.nat({ max: 40 }).map((length) => 'ab_'.repeat(length).slice(0, length)),
);

const EXACT = [
  ...['0', '1', '2', '3', '7', '10', '071', '0x1F', '0xe', '5L', '4294967296', '9007199254740991'],
  ...['9007199254740993', '9223372036854775807', '0xFFFFFFFFFFFFFFFF', '0x8000000000000000l'],
];
const APPROXIMATE = [
  ...['0.0', '.5', '1.', '2.0', '7.', '10.0', '0.1', '0.1f', '3d', '1e3', '6.2e5', '1e300', '1E-3'],
  ...['9007199254740993.0', '9.223372036854775807e18', '09.5', '7F'],
];
const SAMPLE_NUMBERS = [
  ...['0', '-0', '1', '2', '-3', '7', '10', '2.5', '-0.5', '0.1', '0.10000000149011612', '31'],
  ...['9007199254740991', '9007199254740992', '1e300', 'NaN', 'Infinity', '-Infinity', '5e-324'],
];
const SAMPLE_BIGINTS = [
  ...['0', '1', '-7', '9007199254740992', '9007199254740993', '-9223372036854775808'],
  ...['9223372036854775807', '18446744073709551615', '1180591620717411303424'],
];

const number = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...EXACT) },
  { weight: 2, arbitrary: fc.constantFrom(...APPROXIMATE) },
  { weight: 3, arbitrary: fc.nat({ max: 20 }).map(String) },
);

/** A pattern and an escape character, or none; never ending in an escape character alone. */
const pattern = fc
  .tuple(text, fc.constantFrom('', '', '!', '%', '_', '😀'))
  .map(([most, escapeCharacter]) => {
    const isOpen = [...most].reduce(
      (open, character) => !open && character === escapeCharacter,
      false,
    );
    return { pattern: isOpen ? `${most}a` : most, escape: escapeCharacter };
  });

const COMPARED: readonly Compared[] = ['=', '<>', '<', '<=', '>', '>='];

const { condition } = fc.letrec<{ condition: Tree; numeric: Tree; value: Tree }>((tie) => ({
  numeric: fc.oneof(
    { maxDepth: DEPTH, withCrossShrink: true },
    { weight: 3, arbitrary: name.map((name): Tree => ({ kind: 'property', name })) },
    { weight: 3, arbitrary: number.map((text): Tree => ({ kind: 'number', text })) },
    fc
      .tuple(fc.constantFrom('+' as const, '-' as const), tie('numeric'))
      .map(([sign, operand]): Tree => ({ kind: 'sign', sign, operand })),
    chainOf('sum', ['+', '-'], tie('numeric')),
    chainOf('product', ['*', '/'], tie('numeric')),
  ),
  value: fc.oneof(
    { maxDepth: DEPTH, withCrossShrink: true },
    { weight: 4, arbitrary: tie('numeric') },
    { weight: 3, arbitrary: text.map((text): Tree => ({ kind: 'string', text })) },
    fc.boolean().map((value): Tree => ({ kind: 'truth', value })),
    tie('condition'),
  ),
  condition: fc.oneof(
    { maxDepth: DEPTH, withCrossShrink: true },
    name.map((name): Tree => ({ kind: 'property', name })),
    fc.boolean().map((value): Tree => ({ kind: 'truth', value })),
    { weight: 3, arbitrary: comparison(tie('value'), tie('numeric')) },
    fc.record({
      kind: fc.constant('between' as const),
      negated: fc.boolean(),
      operand: tie('numeric'),
      lowest: tie('numeric'),
      highest: tie('numeric'),
    }),
    fc.record({
      kind: fc.constant('in' as const),
      negated: fc.boolean(),
      name,
      texts: fc.array(text, { minLength: 1, maxLength: MOST_OPERANDS }),
    }),
    fc
      .tuple(fc.boolean(), name, pattern)
      .map(([negated, name, given]): Tree => ({ kind: 'like', negated, name, ...given })),
    fc.record({ kind: fc.constant('null' as const), negated: fc.boolean(), name }),
    tie('condition').map((operand): Tree => ({ kind: 'not', operand })),
    joined('and', tie('condition')),
    joined('or', tie('condition')),
  ),
}));

function chainOf(
  kind: 'sum' | 'product',
  operators: readonly Operator[],
  numeric: fc.Arbitrary<Tree>,
): fc.Arbitrary<Tree> {
  const step = fc.record({ operator: fc.constantFrom(...operators), operand: numeric });
  const rest = fc.array(step, { minLength: 1, maxLength: 3 });
  return fc.record({ kind: fc.constant(kind), first: numeric, rest });
}

function comparison(value: fc.Arbitrary<Tree>, numeric: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> {
  return fc.constantFrom(...COMPARED).chain((operator) => {
    const operand = operator === '=' || operator === '<>' ? value : numeric;
    return fc.record({
      kind: fc.constant('compare' as const),
      operator: fc.constant(operator),
      left: operand,
      right: operand,
    });
  });
}

function joined(kind: 'and' | 'or', operand: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> {
  const operands = fc.array(operand, { minLength: 2, maxLength: MOST_OPERANDS });
  return fc.record({ kind: fc.constant(kind), operands });
}

const sample: fc.Arbitrary<Sample> = fc.oneof(
  fc.record({ type: fc.constant('string' as const), text }),
  fc.record({ type: fc.constant('boolean' as const), text: fc.constantFrom('true', 'false') }),
  fc.record({ type: fc.constant('number' as const), text: fc.constantFrom(...SAMPLE_NUMBERS) }),
  fc.record({ type: fc.constant('number' as const), text: fc.nat({ max: 20 }).map(String) }),
  fc.record({ type: fc.constant('bigint' as const), text: fc.constantFrom(...SAMPLE_BIGINTS) }),
  fc.record({ type: fc.constant('none' as const), text: fc.constant('') }),
);

const samples: fc.Arbitrary<Samples> = fc
  .array(fc.tuple(name, sample), { maxLength: 10 })
  .map((pairs) => Object.fromEntries(pairs));

export interface SelectorCase {
  readonly tree: Tree;
  readonly layout: readonly number[];
  readonly messages: readonly Samples[];
}

export const selectorCase: fc.Arbitrary<SelectorCase> = fc.record({
  tree: condition,
  layout: fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 20 }),
  messages: fc.array(samples, { minLength: 1, maxLength: 8 }),
});

const FRAGMENTS = [
  ...['a', 'AND', 'or', 'NOT', 'BETWEEN', 'in', 'LIKE', 'ESCAPE', 'is', 'NULL', 'TRUE', 'x', '"n"'],
  ...[
    '(',
    ')',
    ',',
    '=',
    '<>',
    '<',
    '<=',
    '>',
    '>=',
    '+',
    '-',
    '*',
    '/',
    "'",
    '"',
    "'s'",
    '%',
    '_',
  ],
  ...['0', '1', '09', '0x', '0x1G', '1e', '1e999', '.', '.5', '7.', '5L', '9223372036854775808'],
  ...[
    ' ',
    '\n',
    '\u00a0',
    '\u0000',
    '\ud800',
    '😀',
    'é',
    '--',
    '/*',
    '!=',
    ';',
    '\\',
    '((((',
    '))))',
  ],
];

const fragment = fc.constantFrom(...FRAGMENTS);

/** Text that is nearly a selector, or nothing like one. */
export const selectorText: fc.Arbitrary<string> = fc.oneof(
  fc
    .array(fragment, { maxLength: 30 })
    .chain((parts) => fc.constantFrom(parts.join(' '), parts.join(''))),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .tuple(fragment, fc.nat({ max: 9000 }), fragment, fragment)
    .map(([part, times, ...tail]) => part.repeat(times) + tail.join('')),
);
