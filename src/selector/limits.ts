/** What a selector may cost: clients write them, and every message is held against them. */
export const SELECTOR_LIMITS = {
  maxCharacters: 65_536,
  /** Parentheses within parentheses. Nothing else nests, so this bounds every recursion. */
  maxDepth: 200,
  /**
   * All LIKE patterns of one selector together. Matching costs a step for 32 characters of the
   * pattern and each one of the property, and a property may be long.
   */
  maxPatternCharacters: 2048,
} as const;
