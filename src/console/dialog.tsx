/** A question that has to be answered first. The browser keeps the focus in it, and Escape closes it. */

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../platform/errors.js';

interface DialogProps {
  readonly title: string;
  /** What the button says that does it; left out, there is nothing to do. */
  readonly action?: string;
  readonly isDangerous?: boolean;
  readonly canAct?: boolean;
  /** The dialog stays, and says why, when it fails. */
  readonly act?: () => Promise<void>;
  readonly close: () => void;
  readonly children: ComponentChildren;
}

export function Dialog(props: DialogProps) {
  const { title, action, isDangerous = false, canAct = true, act, close, children } = props;
  const element = useRef<HTMLDialogElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => element.current?.showModal(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (act === undefined || isBusy || !canAct) return;
    setBusy(true);
    setFailure(null);
    try {
      await act();
      close();
    } catch (error) {
      setFailure(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <dialog ref={element} aria-labelledby="dialog-title" onClose={close}>
      <form onSubmit={submit}>
        <h2 id="dialog-title">{title}</h2>
        {children}
        {failure !== null && (
          <p class="fault" role="alert">
            {failure}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={() => element.current?.close()}>
            {act === undefined ? 'Close' : 'Cancel'}
          </button>
          {act !== undefined && (
            <button
              type="submit"
              class={isDangerous ? 'danger' : 'primary'}
              disabled={isBusy || !canAct}
            >
              {isBusy ? 'Working…' : action}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}
