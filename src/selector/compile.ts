/**
 * Makes functions of the tree, one for each node, which call each other: a message is then judged
 * without looking at the tree, and without making anything that has to be collected later.
 */
import { chain, constant, type Exactness, type Numeric, property, signed } from './arithmetic.js';
import { COMPARE, type Truth } from './comparison.js';
import { type Condition, join, not } from './logic.js';
import type { PropertySource, PropertyValue } from './property-source.js';
import type {
  Between,
  Comparison,
  In,
  IsNull,
  Like,
  Node,
  NumberLiteral,
  OtherLiteral,
} from './syntax-tree.js';

type Operand = (propertyOf: PropertySource) => PropertyValue;

export function compileCondition(node: Node): Condition {
  return new Compiler().condition(node);
}

class Compiler {
  private readonly exactness: Exactness = { isExact: false };

  /** A property as a condition is short for `property = TRUE`. */
  condition(node: Node): Condition {
    switch (node.kind) {
      case 'identifier': {
        const { name } = node;
        return (propertyOf) => isTrue(propertyOf(name));
      }
      case 'boolean': {
        const truth = node.value === true;
        return () => truth;
      }
      case 'comparison':
        return this.comparison(node);
      case 'between':
        return this.between(node);
      case 'in':
        return isOneOf(node);
      case 'like':
        return isLike(node);
      case 'null':
        return isMissing(node);
      case 'not':
        return not(this.condition(node.operand));
      case 'logic':
        return join(
          node.operator,
          node.operands.map((operand) => this.condition(operand)),
        );
      default:
        throw new Error(`The parser took a ${node.kind} for a condition.`);
    }
  }

  private operand(node: Node): Operand {
    switch (node.kind) {
      case 'identifier': {
        const { name } = node;
        return (propertyOf) => propertyOf(name);
      }
      case 'string': {
        const { value } = node;
        return () => value;
      }
      case 'number':
      case 'signed':
      case 'arithmetic':
        return this.numeric(node);
      default:
        return this.condition(node);
    }
  }

  private numeric(node: Node): Numeric {
    const { exactness } = this;
    switch (node.kind) {
      case 'identifier':
        return property(node.name, exactness);
      case 'number':
        return constant(node.value, node.isExact, exactness);
      case 'signed':
        return signed(this.numeric(node.operand), node.isNegative, exactness);
      case 'arithmetic': {
        const steps = node.steps.map(({ operator, operand }) => ({
          operator,
          operand: this.numeric(operand),
        }));
        return chain(this.numeric(node.first), steps, exactness);
      }
      default:
        throw new Error(`The parser took a ${node.kind} for a number.`);
    }
  }

  private comparison({ operator, left, right }: Comparison): Condition {
    const compare = COMPARE[operator];
    if (left.kind === 'identifier' && isLiteral(right)) {
      // Most comparisons are of a property with a literal.
      const { name } = left;
      const { value } = right;
      return (propertyOf) => compare(propertyOf(name), value);
    }
    const first = this.operand(left);
    const second = this.operand(right);
    return (propertyOf) => compare(first(propertyOf), second(propertyOf));
  }

  /** `NOT BETWEEN` is not the opposite: of a property that is no number both are false. */
  private between({ isNegated, operand, lowest, highest }: Between): Condition {
    const value = this.operand(operand);
    const low = this.operand(lowest);
    const high = this.operand(highest);
    const deciding = isNegated;
    const compareLow = COMPARE[isNegated ? '<' : '>='];
    const compareHigh = COMPARE[isNegated ? '>' : '<='];
    return (propertyOf) => {
      const compared = value(propertyOf);
      const truth = compareLow(compared, low(propertyOf));
      if (truth === deciding) return deciding;
      const other = compareHigh(compared, high(propertyOf));
      if (other === deciding) return deciding;
      return truth === null || other === null ? null : !deciding;
    };
  }
}

function isLiteral(node: Node): node is NumberLiteral | OtherLiteral {
  return node.kind === 'number' || node.kind === 'string' || node.kind === 'boolean';
}

function isTrue(value: PropertyValue): Truth {
  return value === null ? null : value === true;
}

function isOneOf({ name, values, isNegated }: In): Condition {
  return (propertyOf) => {
    const value = propertyOf(name);
    if (value === null) return null;
    return (typeof value === 'string' && values.has(value)) !== isNegated;
  };
}

function isLike({ name, pattern, isNegated }: Like): Condition {
  return (propertyOf) => {
    const value = propertyOf(name);
    if (value === null) return null;
    return (typeof value === 'string' && pattern.matches(value)) !== isNegated;
  };
}

function isMissing({ name, isNegated }: IsNull): Condition {
  return (propertyOf) => (propertyOf(name) === null) !== isNegated;
}
