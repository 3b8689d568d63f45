/**
 * Arithmetic as the numeric promotion of Java has it (Jakarta Messaging 3.1, section 3.8.1.1):
 * exact with exact stays exact and divides without a remainder; with an approximate number
 * everything is a double. JavaScript does not tell 7 from 7.0, so whether a result is exact goes
 * beside it.
 */
import { compact } from './number-literal.js';
import type { PropertySource, PropertyValue } from './property-source.js';
import type { ArithmeticOperator } from './syntax-tree.js';

/**
 * Says of the result that the last numeric function returned whether it is exact. One for every
 * selector. It is written right before a return and read right after, so a property source that
 * asks the same selector about another message does no harm.
 */
export interface Exactness {
  isExact: boolean;
}

/** null: unknown. */
export type Numeric = (propertyOf: PropertySource) => number | bigint | null;

export interface NumericStep {
  readonly operator: ArithmeticOperator;
  readonly operand: Numeric;
}

/** Exact results may be signed or unsigned longs; what is beyond them becomes approximate. */
const LOWEST_EXACT = -(2n ** 63n);
const HIGHEST_EXACT = 2n ** 64n - 1n;

export function constant(value: number | bigint, isExact: boolean, exactness: Exactness): Numeric {
  return () => {
    exactness.isExact = isExact;
    return value;
  };
}

/** A property that is no number is an unknown number. */
export function property(name: string, exactness: Exactness): Numeric {
  return (propertyOf) => numberOf(propertyOf(name), exactness);
}

/**
 * Signs: a plus changes nothing, but makes a number of what it stands before. What is exact stays
 * so, however large, since two minus signs must give the same number again.
 */
export function signed(operand: Numeric, isNegative: boolean, exactness: Exactness): Numeric {
  if (!isNegative) return operand;
  return (propertyOf) => {
    const value = operand(propertyOf);
    // An exact zero has no sign.
    return value === 0 && exactness.isExact ? 0 : value === null ? null : -value;
  };
}

/** Operators of one precedence, from the left. */
export function chain(
  first: Numeric,
  steps: readonly NumericStep[],
  exactness: Exactness,
): Numeric {
  return (propertyOf) => {
    let result = first(propertyOf);
    let { isExact } = exactness;
    for (let index = 0; index < steps.length; index += 1) {
      if (result === null) return null;
      const { operator, operand } = steps[index] as NumericStep;
      const value = operand(propertyOf);
      if (value === null) return null;
      if (isExact && exactness.isExact) {
        result = exactly(operator, result, value);
        isExact = isExactNumber(result);
      } else {
        result = onNumbers(operator, Number(result), Number(value));
        isExact = false;
      }
    }
    exactness.isExact = isExact;
    return result;
  };
}

function numberOf(value: PropertyValue, exactness: Exactness): number | bigint | null {
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  exactness.isExact = isExactNumber(value);
  return value;
}

/** A whole number counts as exact: properties do not tell 7 from 7.0. Only a double is -0. */
function isExactNumber(value: number | bigint | null): boolean {
  if (typeof value === 'bigint') return true;
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/** null for a division by zero. */
function exactly(
  operator: ArithmeticOperator,
  left: number | bigint,
  right: number | bigint,
): number | bigint | null {
  if (typeof left === 'number' && typeof right === 'number') {
    if (operator === '/' && right === 0) return null;
    // The quotient of two safe integers is never rounded up to the next whole number.
    const result = onNumbers(operator, left, right);
    const whole = operator === '/' ? Math.trunc(result) : result;
    // An exact zero has no sign.
    if (Number.isSafeInteger(whole)) return whole + 0;
  }
  const divisor = BigInt(right);
  if (operator === '/' && divisor === 0n) return null;
  const result = onBigints(operator, BigInt(left), divisor);
  if (result < LOWEST_EXACT || result > HIGHEST_EXACT) return Number(result);
  return compact(result);
}

function onNumbers(operator: ArithmeticOperator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
  }
}

function onBigints(operator: ArithmeticOperator, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
  }
}
