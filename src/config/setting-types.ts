/** What settings are made of: the type of each, its validation, and what people are told of it. */
import * as v from 'valibot';

export type SettingType =
  | { readonly kind: 'integer'; readonly minimum: number; readonly maximum: number }
  | { readonly kind: 'number'; readonly minimum: number; readonly maximum: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'text'; readonly allowed: string }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

/** What is allowed of a text that says where to listen. A port alone is a number in YAML. */
export const LISTEN_ADDRESS = '[HOST:]PORT';

/** What people are told of a setting. */
export const facts = <Input>(description: string, type: SettingType) =>
  v.metadata<Input, { readonly description: string; readonly type: SettingType }>({
    description,
    type,
  });

/** A whole number without a default. */
export const WholeNumber = (description: string, minimum: number, maximum: number) =>
  v.pipe(
    v.number(),
    v.integer(),
    v.minValue(minimum),
    v.maxValue(maximum),
    facts(description, { kind: 'integer', minimum, maximum }),
  );

/** The unit is in the name of each setting; these three say at the declaration what is counted. */
const Whole = (description: string, value: number, minimum: number, maximum: number) =>
  v.optional(WholeNumber(description, minimum, maximum), value);
export const Milliseconds = Whole;
export const Bytes = Whole;
export const Count = Whole;

export const GIBIBYTE = 1024 ** 3;
export const MEBIBYTE = 1024 ** 2;

/** A factor, which may have a fraction. */
export const Factor = (description: string, minimum: number, maximum: number) =>
  v.pipe(
    v.number(),
    v.minValue(minimum),
    v.maxValue(maximum),
    facts(description, { kind: 'number', minimum, maximum }),
  );

export const Text = (description: string, allowed: string) =>
  v.pipe(v.string(), facts(description, { kind: 'text', allowed }));

/** One of several words, without a default. */
export const OneOf = <const Choices extends readonly string[]>(
  description: string,
  choices: Choices,
) => v.pipe(v.picklist(choices), facts(description, { kind: 'choice', choices }));

export const Choice = <const Choices extends readonly string[]>(
  description: string,
  value: Choices[number],
  choices: Choices,
) => v.optional(OneOf(description, choices), value);
