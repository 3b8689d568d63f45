/**
 * The heartbeat by proper-lockfile. It compares modification times with the local wall clock to
 * call another's stale, and two holders at once have been seen: good for a witness, no use as
 * a lock.
 */
import lockfile from 'proper-lockfile';
import { messageOf } from '../errors.js';
import { HEARTBEAT_STALE_MS, HEARTBEAT_UPDATE_MS, type Heartbeat } from '../heartbeat.js';

export class LockfileHeartbeat implements Heartbeat {
  readonly #target: string;
  #release: (() => Promise<void>) | null = null;

  constructor(target: string) {
    this.#target = target;
  }

  async tryStart(onLost: (reason: string) => void): Promise<boolean> {
    try {
      this.#release = await lockfile.lock(this.#target, {
        realpath: false,
        stale: HEARTBEAT_STALE_MS,
        update: HEARTBEAT_UPDATE_MS,
        onCompromised: (error) => {
          this.#release = null;
          onLost(messageOf(error));
        },
      });
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ELOCKED') return false;
      throw error;
    }
  }

  async stop(): Promise<void> {
    const release = this.#release;
    this.#release = null;
    await release?.();
  }
}
