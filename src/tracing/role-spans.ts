/** A span for each takeover and each handover of this node, from the first step to the last. */
import type { RoleChange } from '../hooks/role-hooks.js';
import type { Role } from '../ownership/role.js';
import type { Span, Tracer } from '../platform/tracing.js';

const NAMES: { readonly [role in Role]?: string } = {
  'taking-over': 'takeover',
  'handing-over': 'handover',
};
const GOOD_ENDS: ReadonlySet<Role> = new Set(['live', 'backup', 'stopped']);

export class RoleSpans {
  readonly #tracer: Tracer;
  readonly #node: string;
  #span: Span | null = null;

  constructor(tracer: Tracer, node: string) {
    this.#tracer = tracer;
    this.#node = node;
  }

  roleChanged({ to, epoch, reason }: RoleChange): void {
    if (GOOD_ENDS.has(to)) this.#span?.end();
    else this.#span?.fail(reason);
    const name = NAMES[to];
    this.#span =
      name === undefined
        ? null
        : this.#tracer.start({
            name,
            kind: 'internal',
            attributes: { 'holdfast.node': this.#node, 'holdfast.epoch': epoch },
            parent: null,
          });
  }
}
