/** What a message is in the codec of another protocol: as a session of that protocol would have stored it. */
export interface ConvertedContent {
  readonly headers: Uint8Array;
  readonly body: Uint8Array;
  /** Set when the end of `body`, from a place on, is what the message itself has from another place on. */
  readonly sameEnd?: { readonly bytes: number; readonly ofMessageFrom: number };
}
