/** The protocols that clients of a node may speak, each with what makes a session of a connection. */

import { type ClientBroker, CONTENT_KIND } from '../broker/api.js';
import { parseTargetAddress } from '../config/address.js';
import type { Config } from '../config/schema.js';
import type { Clock, Random, Socket } from '../platform/ports.js';
import { AmqpConnection, type AmqpConnectionOptions } from '../protocols/amqp/connection.js';
import { closeUnserved } from '../protocols/amqp/refusal.js';
import { convert } from '../protocols/conversion/convert.js';
import type { Authentication } from '../protocols/shared/authentication.js';
import { COMMAND } from '../protocols/stomp/commands.js';
import { encodeFrame } from '../protocols/stomp/frame-encoder.js';
import { StompSession } from '../protocols/stomp/session.js';
import type { Security } from '../security/security.js';
import { endAndDiscard } from './client-gate.js';
import type { ClientProtocol } from './client-listeners.js';

export interface ClientProtocolsOptions {
  readonly config: Config;
  /** As in package.json. */
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  /** `HOST:PORT` of each other node that takes clients of this protocol, `amqps` for that over TLS. */
  readonly addressesOfOthers: (protocol: string) => readonly string[];
  /** Left out, everybody may connect and do everything. */
  readonly security?: Security;
}

export function clientProtocols(options: ClientProtocolsOptions): readonly ClientProtocol[] {
  return [stomp(options), amqp(options)];
}

function stomp(options: ClientProtocolsOptions): ClientProtocol {
  const { config, version, clock, random } = options;
  return {
    name: 'stomp',
    tlsName: 'stomp+ssl',
    settings: config.stomp,
    serve: (broker, socket, onClosed) => {
      new StompSession({
        socket,
        broker,
        clock,
        config: config.stomp,
        serverName: `holdfast/${version}`,
        sessionId: Buffer.from(random.bytes(12)).toString('hex'),
        nodeName: config.name,
        convert: (message) => convert(message, CONTENT_KIND.stomp),
        ...authenticating(options, broker, socket),
        onClosed,
      });
    },
    refuse: (socket, reason) => {
      const headers = [
        ['message', reason],
        ['content-type', 'text/plain'],
      ] as const;
      const body = Buffer.from(`This client was not served: ${reason}.\n`);
      socket.write(encodeFrame({ command: COMMAND.error, headers, body }, null));
      endAndDiscard(clock, socket);
    },
  };
}

function amqp(options: ClientProtocolsOptions): ClientProtocol {
  const { config, version, clock, random, addressesOfOthers } = options;
  const connect = (
    broker: ClientBroker,
    socket: Socket,
    onClosed: () => void,
    more: Pick<AmqpConnectionOptions, 'redirectTo'>,
  ): void => {
    const scheme = socket.tls === undefined ? 'amqp' : 'amqps';
    new AmqpConnection({
      socket,
      broker,
      clock,
      config: config.amqp,
      version,
      nodeName: config.name,
      connectionId: Buffer.from(random.bytes(12)).toString('hex'),
      scheme,
      otherNodes: () =>
        addressesOfOthers(scheme).map((address) => parseTargetAddress(address, 'a node')),
      convert: (message) => convert(message, CONTENT_KIND.amqp),
      ...authenticating(options, broker, socket),
      onClosed,
      ...more,
    });
  };
  const redirect: ClientProtocol['redirect'] = (broker, socket, redirectTo, onClosed) =>
    connect(broker, socket, onClosed, { redirectTo });
  return {
    name: 'amqp',
    tlsName: 'amqps',
    settings: config.amqp,
    serve: (broker, socket, onClosed) => connect(broker, socket, onClosed, {}),
    ...(config.amqp.redirectToLive ? { redirect } : {}),
    refuse: (socket, reason) => {
      for (const bytes of closeUnserved(config.name, reason)) socket.write(bytes);
      endAndDiscard(clock, socket);
    },
  };
}

function authenticating(
  { security }: ClientProtocolsOptions,
  broker: ClientBroker,
  socket: Socket,
): { readonly authentication?: Authentication } {
  if (security === undefined) return {};
  return { authentication: security.authentication(broker, socket) };
}
