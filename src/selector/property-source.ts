/** What a selector sees of a message. */

/** null: the message has no such property, or its value is null. */
export type PropertyValue = string | number | bigint | boolean | null;

/** Looks a property of one message up. It is asked once for every use of a name. */
export type PropertySource = (name: string) => PropertyValue;
