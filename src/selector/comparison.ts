/**
 * Comparison (Jakarta Messaging 3.1, section 3.8.1.1): numbers of all kinds compare with each
 * other, exactly; strings and booleans are only equal or not; values of unlike types compare as
 * false, also with `<>`; and with null everything is unknown (section 3.8.1.2).
 */
import type { PropertyValue } from './property-source.js';
import type { ComparisonOperator } from './syntax-tree.js';

/** true, false, or null for unknown. */
export type Truth = boolean | null;

type Compare = (left: PropertyValue, right: PropertyValue) => Truth;

function isNumeric(value: PropertyValue): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** A number and a bigint are compared by their exact values; NaN equals nothing. */
function areEqualNumbers(left: number | bigint, right: number | bigint): boolean {
  return left <= right && left >= right;
}

export const COMPARE: { readonly [operator in ComparisonOperator]: Compare } = {
  '=': (left, right) => {
    if (left === null || right === null) return null;
    if (left === right) return true;
    return isNumeric(left) && isNumeric(right) && areEqualNumbers(left, right);
  },
  '<>': (left, right) => {
    if (left === null || right === null) return null;
    if (typeof left === typeof right) return left !== right;
    return isNumeric(left) && isNumeric(right) && !areEqualNumbers(left, right);
  },
  '<': (left, right) => {
    if (left === null || right === null) return null;
    return isNumeric(left) && isNumeric(right) && left < right;
  },
  '<=': (left, right) => {
    if (left === null || right === null) return null;
    return isNumeric(left) && isNumeric(right) && left <= right;
  },
  '>': (left, right) => {
    if (left === null || right === null) return null;
    return isNumeric(left) && isNumeric(right) && left > right;
  },
  '>=': (left, right) => {
    if (left === null || right === null) return null;
    return isNumeric(left) && isNumeric(right) && left >= right;
  },
};
