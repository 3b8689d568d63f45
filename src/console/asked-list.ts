/** A list that is asked for again and again while it is shown. */

import { useEffect, useState } from 'preact/hooks';
import { messageOf } from '../platform/errors.js';
import { call } from './api.js';

const ASK_EACH_MS = 2_000;

interface AskedList<Row> {
  /** Null before the first answer. */
  readonly rows: readonly Row[] | null;
  readonly fault: string | null;
}

/** `name` is both the end of the path and the key of the answer. */
export function useAskedList<Row>(name: string): AskedList<Row> {
  const [rows, setRows] = useState<readonly Row[] | null>(null);
  const [fault, setFault] = useState<string | null>(null);

  useEffect(() => {
    let isWanted = true;
    const ask = async (): Promise<void> => {
      try {
        const answer = await call<{ readonly [key: string]: readonly Row[] }>('GET', `/${name}`);
        if (!isWanted) return;
        setRows(answer[name] ?? []);
        setFault(null);
      } catch (error) {
        if (isWanted) setFault(messageOf(error));
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), ASK_EACH_MS);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, [name]);
  return { rows, fault };
}
