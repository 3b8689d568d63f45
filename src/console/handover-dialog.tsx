/** Asks before the live role moves, and says what that does. */

import { useState } from 'preact/hooks';
import type { NodeReport } from '../node/node-report.js';
import { call } from './api.js';
import { Dialog } from './dialog.js';
import { counted } from './format.js';
import { tell } from './notices.js';
import { couldTakeOver } from './peers.js';

interface HandoverDialogProps {
  readonly live: string;
  readonly backups: NodeReport['peers'];
  readonly connections: number;
  readonly close: () => void;
}

export function HandoverDialog({ live, backups, connections, close }: HandoverDialogProps) {
  const ready = backups.filter(couldTakeOver);
  const [to, setTo] = useState(ready[0]?.name ?? '');
  const act = async (): Promise<void> => {
    const { reason } = await call<{ reason: string }>('POST', '/handover', { body: { to } });
    tell(`The handover has begun: ${reason}.`);
  };
  if (ready.length === 0) {
    return (
      <Dialog title="Hand over" close={close}>
        <p>No backup could take over now, so {live} stays live.</p>
      </Dialog>
    );
  }
  return (
    <Dialog title="Hand over" action={`Hand over to ${to}`} act={act} close={close}>
      <label>
        To
        <select value={to} onChange={(event) => setTo(event.currentTarget.value)}>
          {ready.map(({ name, host }) => (
            <option key={name} value={name}>
              {name} on {host}
            </option>
          ))}
        </select>
      </label>
      <p>
        {live} stops serving, and {to} serves as soon as it has the lock: as a rule within a second.{' '}
        {connections === 1
          ? '1 connection ends and has'
          : `${counted(connections, 'connection')} end and have`}{' '}
        to be made again, which clients that reconnect do by themselves. Nothing confirmed is lost;
        what was delivered and not acknowledged is delivered again. {live} becomes a backup.
      </p>
    </Dialog>
  );
}
