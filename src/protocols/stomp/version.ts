/** The versions of STOMP that are spoken, as numbers that compare in their order. */

export const VERSION = { v10: 10, v11: 11, v12: 12 } as const;
export type StompVersion = (typeof VERSION)[keyof typeof VERSION];

const TEXT_OF_VERSION: Readonly<Record<StompVersion, string>> = {
  10: '1.0',
  11: '1.1',
  12: '1.2',
};

/** Best first. */
const KNOWN_VERSIONS: readonly StompVersion[] = [VERSION.v12, VERSION.v11, VERSION.v10];

export const SUPPORTED_VERSIONS_TEXT = '1.0,1.1,1.2';

export function versionText(version: StompVersion): string {
  return TEXT_OF_VERSION[version];
}

/** The version for `1.0`, `1.1` or `1.2`; undefined for any other text. */
export function versionOfText(text: string): StompVersion | undefined {
  return KNOWN_VERSIONS.find((version) => TEXT_OF_VERSION[version] === text);
}

/**
 * The best version in an `accept-version` list, or undefined when there is none in common. A
 * client that sends no list speaks 1.0 (STOMP 1.2, "Protocol Negotiation").
 */
export function bestVersion(acceptVersion: string | undefined): StompVersion | undefined {
  if (acceptVersion === undefined) return VERSION.v10;
  const offered = acceptVersion.split(',').map((text) => text.trim());
  return KNOWN_VERSIONS.find((version) => offered.includes(TEXT_OF_VERSION[version]));
}
