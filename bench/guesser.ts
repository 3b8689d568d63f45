/**
 * A program that guesses passwords: `PORT PER_SECOND PARALLEL`. Each guess is a connection of its own, as
 * nobody answers a second one on the same. Port 0: at a listener of its own that closes what it accepts,
 * which shows what so many connections cost by themselves. Prints what it did as JSON when its input ends.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

const STEP_MS = 5;
const [wantedPort = 0, perSecond = 0, parallel = 0] = process.argv.slice(2).map(Number);
let begun = 0;
let open = 0;
let answered = 0;
const port = wantedPort === 0 ? await listenAndClose() : wantedPort;
const beganMs = performance.now();

async function listenAndClose(): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).destroy());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

function guess(): void {
  begun += 1;
  open += 1;
  const passcode = `guess-${begun}`;
  let isAnswered = false;
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('connect', () =>
    socket.write(
      `CONNECT\naccept-version:1.2\nhost:bench\nlogin:bench\npasscode:${passcode}\n\n\0`,
    ),
  );
  socket.on('data', () => {
    isAnswered = true;
  });
  // What is refused may be reset.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    open -= 1;
    if (isAnswered) answered += 1;
  });
}

setInterval(() => {
  const due = ((performance.now() - beganMs) / 1_000) * perSecond;
  while (begun < due && open < parallel) guess();
}, STEP_MS);
process.stdin.resume().on('end', () => {
  process.stdout.write(JSON.stringify({ begun, answered }), () => process.exit());
});
