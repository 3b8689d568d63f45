import { NodeNetwork } from '../../src/platform/node/network.js';
import { describeNetwork } from './network-contract.js';

describeNetwork('node:net', async () => {
  const network = new NodeNetwork((error) => {
    throw error;
  });
  return {
    server: network,
    client: network,
    host: '127.0.0.1',
    dispose: () => Promise.resolve(),
  };
});
