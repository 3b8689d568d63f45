/** AND, OR and NOT of three-valued logic (Jakarta Messaging 3.1, section 3.8.1.2). */
import type { Truth } from './comparison.js';
import type { PropertySource } from './property-source.js';
import type { LogicalOperator } from './syntax-tree.js';

export type Condition = (propertyOf: PropertySource) => Truth;

function negated(truth: Truth): Truth {
  return truth === null ? null : !truth;
}

export function not(condition: Condition): Condition {
  return (propertyOf) => negated(condition(propertyOf));
}

/**
 * `deciding` is the value of one operand that decides alone: false for AND, true for OR. Without
 * it the result is unknown if any operand is. Most selectors have two operands, and a loop costs
 * more than both of them.
 */
export function join(operator: LogicalOperator, operands: readonly Condition[]): Condition {
  const deciding = operator === 'OR';
  const [first, second] = operands;
  if (first !== undefined && second !== undefined && operands.length === 2) {
    return deciding ? either(first, second) : both(first, second);
  }
  return (propertyOf) => {
    let result: Truth = !deciding;
    for (let index = 0; index < operands.length; index += 1) {
      const truth = (operands[index] as Condition)(propertyOf);
      if (truth === deciding) return deciding;
      if (truth === null) result = null;
    }
    return result;
  };
}

function both(first: Condition, second: Condition): Condition {
  return (propertyOf) => {
    const truth = first(propertyOf);
    if (truth === false) return false;
    const other = second(propertyOf);
    return truth === null && other === true ? null : other;
  };
}

function either(first: Condition, second: Condition): Condition {
  return (propertyOf) => {
    const truth = first(propertyOf);
    if (truth === true) return true;
    const other = second(propertyOf);
    return truth === null && other === false ? null : other;
  };
}
