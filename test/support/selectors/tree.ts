/**
 * Selectors as plain trees, which JSON can keep. Numbers are texts in both: JSON has neither
 * bigints nor NaN.
 */

export type Compared = '=' | '<>' | '<' | '<=' | '>' | '>=';
export type Operator = '+' | '-' | '*' | '/';

export type Tree =
  | { readonly kind: 'property'; readonly name: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'truth'; readonly value: boolean }
  | { readonly kind: 'sign'; readonly sign: '+' | '-'; readonly operand: Tree }
  | {
      readonly kind: 'sum' | 'product';
      readonly first: Tree;
      readonly rest: readonly { readonly operator: Operator; readonly operand: Tree }[];
    }
  | {
      readonly kind: 'compare';
      readonly operator: Compared;
      readonly left: Tree;
      readonly right: Tree;
    }
  | {
      readonly kind: 'between';
      readonly negated: boolean;
      readonly operand: Tree;
      readonly lowest: Tree;
      readonly highest: Tree;
    }
  | {
      readonly kind: 'in';
      readonly negated: boolean;
      readonly name: string;
      readonly texts: readonly string[];
    }
  | {
      readonly kind: 'like';
      readonly negated: boolean;
      readonly name: string;
      readonly pattern: string;
      readonly escape: string;
    }
  | { readonly kind: 'null'; readonly negated: boolean; readonly name: string }
  | { readonly kind: 'not'; readonly operand: Tree }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Tree[] };

/** A property of a message, as text with the type that it is set with. */
export interface Sample {
  readonly type: 'string' | 'boolean' | 'number' | 'bigint' | 'none';
  readonly text: string;
}

export type Samples = { readonly [name: string]: Sample };

export function sampleValue({ type, text }: Sample) {
  switch (type) {
    case 'string':
      return text;
    case 'boolean':
      return text === 'true';
    case 'number':
      return Number(text);
    case 'bigint':
      return BigInt(text);
    case 'none':
      return null;
  }
}
