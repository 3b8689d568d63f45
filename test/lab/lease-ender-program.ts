/**
 * On the file server: ends the NFSv4 lease of the host whose address a client of this port sends, and
 * answers with the number of leases that it ended. An operator's own agent there would do the same.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const CLIENTS = '/proc/fs/nfsd/clients';
const [host = '', port = ''] = process.argv.slice(2);

function endLeasesOf(address: string): number {
  const theirs = readdirSync(CLIENTS).filter((client) =>
    readFileSync(`${CLIENTS}/${client}/info`, 'utf8').includes(`address: "${address}:`),
  );
  for (const client of theirs) writeFileSync(`${CLIENTS}/${client}/ctl`, 'expire\n');
  return theirs.length;
}

const server = createServer((socket) => {
  createInterface({ input: socket }).once('line', (address) => {
    socket.end(`${endLeasesOf(address)}\n`);
  });
});
server.listen(Number(port), host, () => process.stdout.write('ready\n'));
