/**
 * Makes the one frozen configuration of a node: defaults, then the YAML file, then `HOLDFAST_*`
 * variables, then command-line flags, each over the one before. Whatever is wrong is said in one
 * sentence that names the setting, the source it came from and what is allowed.
 */

import * as v from 'valibot';
import { HoldfastError } from '../platform/errors.js';
import { isLoopback, parseListenAddress, parseTargetAddress } from './address.js';
import { faultOfRules, pathInRule } from './address-rule-checks.js';
import { type GivenValue, readAddresses, readConfigurationFile } from './configuration-file.js';
import { suggestNearest } from './nearest.js';
import { RELATIONS } from './relations.js';
import { type Config, ConfigSchema } from './schema.js';
import { LISTEN_ADDRESS } from './setting-types.js';
import {
  ADDRESS_SETTINGS,
  ADDRESSES,
  ADDRESSES_VARIABLE,
  describeAllowed,
  ENVIRONMENT_PREFIX,
  SECTIONS,
  SETTINGS,
  type Setting,
} from './settings.js';

/** Names the configuration file, as `--config` does; it is no setting itself. */
export const CONFIG_FILE_VARIABLE = `${ENVIRONMENT_PREFIX}CONFIG`;

/** Of `holdfast send` and others that log in; set for a whole shell, they must not keep a node from starting. */
export const CLIENT_VARIABLES = {
  user: `${ENVIRONMENT_PREFIX}USER`,
  password: `${ENVIRONMENT_PREFIX}PASSWORD`,
} as const;
const NO_SETTINGS: ReadonlySet<string> = new Set([
  CONFIG_FILE_VARIABLE,
  ...Object.values(CLIENT_VARIABLES),
]);

export interface ConfigurationSources {
  readonly hostName: string;
  readonly file: { readonly name: string; readonly text: string } | null;
  readonly environment: { readonly [name: string]: string | undefined };
  /** As the command line names them: `{ path: 'stomp.listen', value: '1', source: '--stomp' }`. */
  readonly flags: readonly GivenValue[];
}

type Sources = ReadonlyMap<string, string>;

/** Throws CONFIG_INVALID, or ADDRESS_EXPOSED for a listener that anybody could use. */
export function loadConfig(from: ConfigurationSources): Config {
  const given: GivenValue[] = [
    { path: 'name', value: from.hostName, source: 'the host name of this machine' },
    ...(from.file === null ? [] : readConfigurationFile(from.file.text, from.file.name)),
    ...readEnvironment(from.environment),
    ...from.flags,
  ];
  const sources: Sources = new Map(given.map(({ path, source }) => [path, source]));
  const config = validated(assemble(given), sources);
  checkRelations(config, sources);
  checkRules(config, sources);
  checkUsers(config, sources);
  checkAddresses(config, sources);
  checkTls(config, sources);
  return deepFreeze(config);
}

/** Reads `HOLDFAST_*`. An empty variable counts as not given, as in an environment file. */
function readEnvironment(environment: ConfigurationSources['environment']): GivenValue[] {
  const settingsByName = new Map(SETTINGS.map((setting) => [setting.environmentName, setting]));
  const given: GivenValue[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || NO_SETTINGS.has(name) || !text) {
      continue;
    }
    if (name === ADDRESSES_VARIABLE) {
      given.push(...readAddresses(text, name));
      continue;
    }
    const setting = settingsByName.get(name);
    if (setting === undefined) {
      const known = [CONFIG_FILE_VARIABLE, ADDRESSES_VARIABLE, ...settingsByName.keys()];
      const nearest = suggestNearest(name, known);
      throw invalid(`Unknown environment variable ${name}${nearest || '.'}`);
    }
    given.push({ path: setting.path, value: fromText(setting, text), source: name });
  }
  return given;
}

/** What does not look like the setting's type stays text, and is refused with other bad values. */
function fromText(setting: Setting, text: string): unknown {
  if (setting.type.kind === 'integer' && /^[+-]?\d+$/.test(text)) {
    return Number(text);
  }
  if (setting.type.kind === 'boolean' && (text === 'true' || text === 'false')) {
    return text === 'true';
  }
  return text;
}

/** The values are whatever was given. */
function assemble(given: readonly GivenValue[]): unknown {
  const settings: { [key: string]: unknown } = {};
  const sections = new Map<string, { [key: string]: unknown }>();
  for (const section of SECTIONS) {
    const content = {};
    sections.set(section, content);
    settings[section] = content;
  }
  const set = (path: string, value: unknown): void => {
    const [first = '', second] = path.split('.');
    const target = second === undefined ? settings : sections.get(first);
    if (target !== undefined) {
      target[second ?? first] = value;
    }
  };
  for (const { path, value, pattern } of given) {
    if (pattern === undefined) set(path, LISTENS.has(path) ? portAsText(value) : value);
  }
  return { ...settings, [ADDRESSES]: assembleRules(given) };
}

const LISTENS: ReadonlySet<string> = new Set(
  SETTINGS.filter(({ type }) => type.kind === 'text' && type.allowed === LISTEN_ADDRESS).map(
    ({ path }) => path,
  ),
);

function portAsText(value: unknown): unknown {
  return typeof value === 'number' ? String(value) : value;
}

/** One for each pattern, in the order in which they were first named. */
function assembleRules(given: readonly GivenValue[]): { [key: string]: unknown }[] {
  const rules = new Map<string, { [key: string]: unknown }>();
  for (const { path, value, pattern } of given) {
    if (pattern === undefined) continue;
    const rule = rules.get(pattern) ?? { pattern };
    rules.set(pattern, rule);
    rule[path.slice(pathInRule({ pattern }, '').length)] = value;
  }
  return [...rules.values()];
}

/** With the defaults of what was not given. */
function validated(given: unknown, sources: Sources): Config {
  const { issues, output } = v.safeParse(ConfigSchema, given, { abortEarly: true });
  if (issues === undefined) {
    return output;
  }
  const path = v.getDotPath(issues[0]) ?? '';
  if (path.startsWith(`${ADDRESSES}.`)) throw invalidInRule(given, path, sources);
  const setting = SETTINGS.find((candidate) => candidate.path === path);
  if (setting === undefined || !sources.has(path)) {
    throw invalid(
      'No store directory is given; pass --store DIR, set HOLDFAST_STORE, ' +
        'or write "store: DIR" into the configuration file.',
    );
  }
  const value = settingValue(given, path);
  throw invalid(
    `${describeSetting(path, sources)} must be ${describeAllowed(setting.type)}, ` +
      `but is ${describeValue(value)}.`,
  );
}

/** `path` is that of a value that a rule gives: `addresses.3.maxMessages`. */
function invalidInRule(given: unknown, path: string, sources: Sources): HoldfastError {
  const [, index = '', key = ''] = path.split('.');
  const rule = settingValue(given, `${ADDRESSES}.${index}`) as { readonly pattern: string };
  const setting = ADDRESS_SETTINGS.find((candidate) => candidate.path === key);
  if (setting === undefined) throw new Error(`No setting ${path} exists.`);
  return invalid(
    `${describeSetting(pathInRule(rule, key), sources)} must be ${describeAllowed(setting.type)}, ` +
      `but is ${describeValue(settingValue(rule, key))}.`,
  );
}

function checkRules(config: Config, sources: Sources): void {
  const fault = faultOfRules(config);
  if (fault === null) return;
  const { path, sentence } = fault;
  // A pattern is where the first of its settings is.
  const first = ADDRESS_SETTINGS.find((setting) => sources.has(`${path}.${setting.path}`));
  const source = sources.get(path) ?? sources.get(`${path}.${first?.path}`);
  throw invalid(`${path} in ${source} ${sentence}.`);
}

function checkRelations(config: Config, sources: Sources): void {
  const broken = RELATIONS.find((relation) => !relation.holds(config));
  if (broken !== undefined) {
    const value = describeValue(settingValue(config, broken.path));
    const other = describeValue(settingValue(config, broken.otherPath));
    throw invalid(
      `${describeSetting(broken.path, sources)} must be ${broken.rule} (${other}), ` +
        `but is ${value}: ${broken.reason}.`,
    );
  }
}

const LISTENERS = ['stomp', 'amqp', 'admin'] as const;

function checkAddresses(config: Config, sources: Sources): void {
  for (const section of LISTENERS) {
    const { listen, advertise, tlsListen, tlsAdvertise } = config[section];
    for (const [key, address] of Object.entries({ advertise, tlsAdvertise })) {
      if (address === undefined) continue;
      parseTargetAddress(address, describeSetting(`${section}.${key}`, sources));
    }
    for (const [key, address] of Object.entries({ listen, tlsListen })) {
      if (address === undefined) continue;
      checkExposure(config, address, describeSetting(`${section}.${key}`, sources));
    }
  }
}

/** Encrypted or not: TLS keeps out who listens, and lets in everybody who connects. */
function checkExposure(config: Config, listen: string, where: string): void {
  const { host } = parseListenAddress(listen, where);
  const isGuarded = config.allowAnonymous || config.security.usersFile !== undefined;
  if (isLoopback(host) || isGuarded) return;
  throw new HoldfastError(
    'ADDRESS_EXPOSED',
    `${where} is ${listen}, which other hosts can reach, and no users are ` +
      'configured; listen on 127.0.0.1, name a file of users with security.usersFile, or pass ' +
      '--allow-anonymous when everybody who reaches it may use it.',
  );
}

/** A listener for TLS needs its files; and files that no listener uses are an encryption that is not there. */
function checkTls(config: Config, sources: Sources): void {
  const { tls } = config;
  const served = LISTENERS.find((section) => config[section].tlsListen !== undefined);
  for (const key of ['certificate', 'key', 'authority', 'revocationList'] as const) {
    if (tls[key] === '') {
      throw invalid(
        `${describeSetting(`tls.${key}`, sources)} must be the path of a file, but is empty.`,
      );
    }
    const isNeeded = key === 'certificate' || key === 'key';
    if (tls[key] === undefined && isNeeded && served !== undefined) {
      const where = describeSetting(`${served}.tlsListen`, sources);
      throw invalid(`${where} needs tls.${key}: name a PEM file (docs/security.md).`);
    }
    if (tls[key] !== undefined && served === undefined) {
      throw invalid(
        `${describeSetting(`tls.${key}`, sources)} is used by no listener; ` +
          'set stomp.tlsListen, amqp.tlsListen or admin.tlsListen, or leave it out.',
      );
    }
  }
  if (tls.revocationList !== undefined && tls.authority === undefined) {
    throw invalid(
      `${describeSetting('tls.revocationList', sources)} is about certificates of clients, but tls.authority, which names who signs them, is not set.`,
    );
  }
  for (const section of LISTENERS) {
    const { clientCertificates, tlsListen } = config[section];
    if (clientCertificates === 'none') continue;
    const where = `${describeSetting(`${section}.clientCertificates`, sources)} is ${clientCertificates}`;
    if (tlsListen === undefined) throw invalid(`${where}, but ${section}.tlsListen is not set.`);
    if (tls.authority !== undefined) continue;
    throw invalid(
      `${where}, but tls.authority is not set; name a PEM file with the certificates of the authorities that sign those of clients.`,
    );
  }
}

/** One says that everybody may connect, the other that nobody may who is not known. */
function checkUsers({ allowAnonymous, security }: Config, sources: Sources): void {
  if (security.usersFile === undefined) return;
  const where = describeSetting('security.usersFile', sources);
  if (security.usersFile === '')
    throw invalid(`${where} must be the path of a file, but is empty.`);
  if (!allowAnonymous) return;
  throw invalid(
    `${where} requires users, and ${describeSetting('allowAnonymous', sources)} wants none; leave one of them out.`,
  );
}

function describeSetting(path: string, sources: Sources): string {
  const source = sources.get(path);
  return source === undefined ? `${path} (default)` : `${path} in ${source}`;
}

function describeValue(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    return 'a list or a section';
  }
  return typeof value === 'string' ? `"${value}"` : String(value);
}

function settingValue(config: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) => (value as { [key: string]: unknown } | undefined)?.[key],
      config,
    );
}

function deepFreeze<T extends object>(value: T): T {
  for (const child of Object.values(value)) {
    if (typeof child === 'object' && child !== null) {
      deepFreeze(child);
    }
  }
  return Object.freeze(value);
}

function invalid(sentence: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', sentence);
}
