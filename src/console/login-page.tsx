/** Shown while users are required and nobody is logged in. */

import { useState } from 'preact/hooks';
import { logIn } from './session.js';

export function LoginPage({ node }: { readonly node: string | null }) {
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
    <form class="login card" onSubmit={submit}>
      <h1>Log in</h1>
      <p class="faint">As a user of the broker{node === null ? '' : `, at node ${node}`}.</p>
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
