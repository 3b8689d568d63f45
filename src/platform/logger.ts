/**
 * What the rest of the code knows of logging, so that none of it depends on a logging library.
 * `event` is a kebab-case name that stays the same for ever (`role-changed`, `listener-started`),
 * `fields` are for machines, `sentence` is for people. Role changes are info, anomalies are warn,
 * nothing is logged per message.
 */
export interface Logger {
  debug(event: string, fields: LogFields, sentence: string): void;
  info(event: string, fields: LogFields, sentence: string): void;
  warn(event: string, fields: LogFields, sentence: string): void;
  error(event: string, fields: LogFields, sentence: string): void;
}

export type LogFields = { readonly [name: string]: unknown };
