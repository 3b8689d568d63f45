/** Shown while users are required and nobody is logged in; over the page when that was otherwise. */

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { logIn } from './session.js';

export function LoginPage({ node }: { readonly node: string | null }) {
  return (
    <LoginForm look="login card">
      <h1>Log in</h1>
      <p class="faint">As a user of the broker{node === null ? '' : `, at node ${node}`}.</p>
    </LoginForm>
  );
}

/** It hides the page, which others may see by now, and keeps it: also a dialog that is not answered yet. */
export function LoginDialog({ user }: { readonly user: string | null }) {
  const element = useRef<HTMLDialogElement>(null);
  const show = (): void => element.current?.showModal();
  useEffect(show, []);
  return (
    <dialog
      ref={element}
      class="covering"
      aria-labelledby="login-title"
      onCancel={(event) => event.preventDefault()}
      onClose={show}
    >
      <LoginForm look="login">
        <h2 id="login-title">Log in</h2>
        <p>
          The session of {user} is over. The page stays as it was for who logs in as {user}.
        </p>
      </LoginForm>
    </dialog>
  );
}

interface LoginFormProps {
  readonly look: string;
  readonly children: ComponentChildren;
}

function LoginForm({ look, children }: LoginFormProps) {
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setFault(await logIn(String(given.get('user')), String(given.get('password'))));
    setBusy(false);
  };
  return (
    <form class={look} onSubmit={submit}>
      {children}
      <label>
        Name
        <input name="user" autocomplete="username" autofocus required />
      </label>
      <label>
        Password
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <button type="submit" class="primary" disabled={isBusy}>
        {isBusy ? 'Logging in…' : 'Log in'}
      </button>
    </form>
  );
}
