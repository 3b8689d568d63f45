/** What a message is in the codec of another protocol: as a session of that protocol would have stored it. */
export interface ConvertedContent {
  readonly headers: Uint8Array;
  readonly body: Uint8Array;
}
