/** What was done, or failed, told where the eyes are, with a way back where there is one. */

import { messageOf } from '../platform/errors.js';
import { Observable, useValue } from './observable.js';

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly isError: boolean;
  readonly undo: (() => Promise<void>) | null;
}

const notices = new Observable<readonly Notice[]>([]);
const SHOWN_MS = 12_000;
const MOST = 3;
let lastId = 0;

export function tell(text: string, undo: (() => Promise<void>) | null = null): void {
  show({ text, isError: false, undo });
}

/** Runs it, and tells what went wrong. */
export async function telling(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    show({ text: messageOf(error), isError: true, undo: null });
  }
}

function show(notice: Omit<Notice, 'id'>): void {
  lastId += 1;
  const id = lastId;
  notices.set([...notices.value, { ...notice, id }].slice(-MOST));
  // What can be undone, or has failed, stays until somebody has read it.
  if (!notice.isError && notice.undo === null) setTimeout(() => dismiss(id), SHOWN_MS);
}

function dismiss(id: number): void {
  notices.set(notices.value.filter((notice) => notice.id !== id));
}

export function Notices() {
  const shown = useValue(notices);
  return (
    <div class="notices" role="status" aria-live="polite">
      {shown.map(({ id, text, isError, undo }) => (
        <div
          key={id}
          class={isError ? 'notice bad' : 'notice'}
          role={isError ? 'alert' : undefined}
        >
          <span>{text}</span>
          {undo !== null && (
            <button
              type="button"
              onClick={() => {
                dismiss(id);
                void telling(undo);
              }}
            >
              Undo
            </button>
          )}
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
