/**
 * Which clients speak AMQP. It is drawn apart from everything else, so that a seed without AMQP draws
 * what it always drew.
 */
import type { SeededRandom } from '../kernel/random.js';
import type { ClientPlan, WorkloadPlan } from './workload-plan.js';

const AMQP_SHARE = 0.6;

/** Of two seeds in ten the nodes speak AMQP as well; not of those that found something before there was any. */
export function hasAmqp(seed: number): boolean {
  return seed % 10 >= 8;
}

export function drawProtocols(plan: WorkloadPlan, random: SeededRandom): WorkloadPlan {
  const clients = plan.clients.map((client) =>
    random.chance(AMQP_SHARE) && maySpeakAmqp(client) ? speakingAmqp(client) : client,
  );
  return { ...plan, clients };
}

function maySpeakAmqp({ name, role }: ClientPlan): boolean {
  // Whoever sees each dead letter needs its id: several of one message may lie there.
  if (name === 'dead-letters') return false;
  // These clients say neither a priority nor a group.
  return role.kind !== 'producer' || role.groups === 0;
}

function speakingAmqp(client: ClientPlan): ClientPlan {
  const { role } = client;
  // A time to live counts from when the broker takes the message, which no client knows.
  const its = role.kind === 'producer' ? { ...role, expiringShare: 0 } : role;
  return { ...client, protocol: 'amqp', role: its };
}
