/** Who answers, which every list says: a backup knows only what it has followed so far. */
export type Answerer = () => { readonly node: string; readonly role: string };
