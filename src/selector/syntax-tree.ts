/**
 * What a selector says, as a tree. Chains of one operator are flat, however long they are, so
 * only parentheses make the tree deeper.
 */
import type { LikePattern } from './like-pattern.js';

export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>=';
export type ArithmeticOperator = '+' | '-' | '*' | '/';
export type LogicalOperator = 'AND' | 'OR';

interface Placed {
  /** Where it begins in the text. */
  readonly at: number;
}

export interface Identifier extends Placed {
  readonly kind: 'identifier';
  readonly name: string;
}

/** Exact numbers are numbers where those are exact, and bigints beyond. */
export interface NumberLiteral extends Placed {
  readonly kind: 'number';
  readonly value: number | bigint;
  /** `2` and `2.0` divide differently. */
  readonly isExact: boolean;
}

export interface OtherLiteral extends Placed {
  readonly kind: 'string' | 'boolean';
  readonly value: string | boolean;
}

/** A sign before something other than a literal. */
interface Signed extends Placed {
  readonly kind: 'signed';
  readonly isNegative: boolean;
  readonly operand: Node;
}

/** Operators of one precedence: `first` and then each operator with its operand, from the left. */
export interface Arithmetic extends Placed {
  readonly kind: 'arithmetic';
  readonly first: Node;
  readonly steps: readonly { readonly operator: ArithmeticOperator; readonly operand: Node }[];
}

export interface Comparison extends Placed {
  readonly kind: 'comparison';
  readonly operator: ComparisonOperator;
  readonly left: Node;
  readonly right: Node;
}

export interface Between extends Placed {
  readonly kind: 'between';
  readonly isNegated: boolean;
  readonly operand: Node;
  readonly lowest: Node;
  readonly highest: Node;
}

export interface In extends Placed {
  readonly kind: 'in';
  readonly isNegated: boolean;
  readonly name: string;
  readonly values: ReadonlySet<string>;
}

export interface Like extends Placed {
  readonly kind: 'like';
  readonly isNegated: boolean;
  readonly name: string;
  readonly pattern: LikePattern;
}

export interface IsNull extends Placed {
  readonly kind: 'null';
  readonly isNegated: boolean;
  readonly name: string;
}

interface Not extends Placed {
  readonly kind: 'not';
  readonly operand: Node;
}

interface Logic extends Placed {
  readonly kind: 'logic';
  readonly operator: LogicalOperator;
  readonly operands: readonly Node[];
}

export type Node =
  | Identifier
  | NumberLiteral
  | OtherLiteral
  | Signed
  | Arithmetic
  | Comparison
  | Between
  | In
  | Like
  | IsNull
  | Not
  | Logic;

/** What is known of a value before there is a message; `any` is a property. */
export type StaticType = 'any' | 'number' | 'string' | 'boolean';

const STATIC_TYPES: { readonly [kind in Node['kind']]: StaticType } = {
  identifier: 'any',
  number: 'number',
  signed: 'number',
  arithmetic: 'number',
  string: 'string',
  boolean: 'boolean',
  comparison: 'boolean',
  between: 'boolean',
  in: 'boolean',
  like: 'boolean',
  null: 'boolean',
  not: 'boolean',
  logic: 'boolean',
};

export function staticTypeOf(node: Node): StaticType {
  return STATIC_TYPES[node.kind];
}
