/** What all of these programs are told: the addresses of the nodes, and how often to send. */

export const INTERVAL_MS = Number(process.env.INTERVAL_MS ?? 1_000);

/** Gives the nodes by turns: of the command line (HOST:PORT ...), else these two ports of this machine. */
export function takeTurns(...defaultPorts) {
  const given = process.argv.slice(2);
  const addresses = given.length > 0 ? given : defaultPorts.map((port) => `localhost:${port}`);
  let attempts = 0;
  return () => {
    const address = addresses[attempts % addresses.length];
    attempts += 1;
    const colon = address.lastIndexOf(':');
    return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  };
}
