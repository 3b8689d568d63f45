/** The frames that this side says of the connection itself: CONNECTED and ERROR. */
import type { HoldfastError } from '../../platform/errors.js';
import { NO_BYTES, utf8 } from './bytes.js';
import { COMMAND } from './commands.js';
import type { Frame } from './frame.js';
import { encodeFrame, type HeaderLine } from './frame-encoder.js';
import { HEADER, HEADER_NAME } from './known-headers.js';
import { type Negotiated, NoCommonVersion } from './negotiation.js';
import { StompError } from './stomp-error.js';
import { type StompVersion, SUPPORTED_VERSIONS_TEXT, VERSION, versionText } from './version.js';

/** How this side is called, and what it beats. */
export interface ServerDescription {
  /** Name and version of the software, as `holdfast/0.1.0`. */
  readonly serverName: string;
  readonly sessionId: string;
  readonly nodeName: string;
  readonly config: { readonly heartbeatMs: number };
}

export function connectedFrame(
  negotiated: Negotiated,
  { serverName, nodeName, sessionId, config }: ServerDescription,
): Uint8Array {
  const headers: HeaderLine[] = [
    ['version', versionText(negotiated.version)],
    ['session', sessionId],
    ['server', `${serverName} ${nodeName}`],
  ];
  if (negotiated.version !== VERSION.v10) {
    headers.push(['heart-beat', `${config.heartbeatMs},${config.heartbeatMs}`]);
  }
  return encodeFrame({ command: COMMAND.connected, headers, body: NO_BYTES }, negotiated.version);
}

/** `frame`: what the client sent that went wrong, if it was one frame. */
export function errorFrame(
  error: HoldfastError,
  frame: Frame | undefined,
  version: StompVersion | null,
): Uint8Array {
  const [summary, detail] =
    error instanceof StompError ? [error.summary, error.detail] : [error.message, ''];
  const headers: HeaderLine[] = [['message', summary]];
  if (error instanceof NoCommonVersion) headers.push(['version', SUPPORTED_VERSIONS_TEXT]);
  headers.push(['content-type', 'text/plain'], [HEADER_NAME[HEADER.errorCode], error.code]);
  const receipt = frame?.text(HEADER.receipt);
  if (receipt !== undefined) headers.push(['receipt-id', receipt]);
  const body = utf8(`${summary}${detail === '' ? '' : `.\n${detail}`}\n`);
  return encodeFrame({ command: COMMAND.error, headers, body }, version);
}
