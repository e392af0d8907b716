import { spawn } from 'node:child_process';
import { connect, type Server, type Socket } from 'node:net';

/** Something that listens in the machines' network, and what it does with who comes. */
export interface Door {
  host: string;
  port: number;
  onVisitor(visitor: Socket): void;
}

/**
 * Listens inside the namespace and hands the sockets out: a socket belongs to the network that it was made in, whoever
 * holds it. So visitors come straight to this process, with their own addresses.
 */
const DOORKEEPER = `
const { createServer } = require('node:net');
const doors = JSON.parse(process.argv[1]);
process.once('disconnect', () => process.exit());
doors.forEach(([host, port], index) => {
  const server = createServer().listen(port, host, () => process.send(index, server));
  server.once('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
});
`;

/**
 * Opens doors in the network namespace of the process `pid`. Returns how to close them.
 *
 * @throws Error with what the listener said, when an address cannot be had.
 */
export async function openDoors(pid: number, doors: readonly Door[]): Promise<() => void> {
  const places = JSON.stringify(doors.map(({ host, port }) => [host, port]));
  const keeper = spawn(
    'nsenter',
    ['--target', String(pid), '--net', process.execPath, '--eval', DOORKEEPER, places],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  const servers: Server[] = [];
  const visitors = new Set<Socket>();
  let said = '';
  keeper.stderr?.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  keeper.on('message', (index, server) => {
    const door = doors[Number(index)];
    if (!door || !server) return;
    servers.push(server as Server);
    // They stay open here; the keeper's own ends with it.
    if (servers.length === doors.length) keeper.disconnect();
    (server as Server).on('connection', (visitor) => {
      visitors.add(visitor);
      visitor.once('close', () => visitors.delete(visitor)).on('error', () => {});
      door.onVisitor(visitor);
    });
  });
  const close = () => {
    for (const server of servers) server.close();
    for (const visitor of visitors) visitor.destroy();
  };
  await new Promise<void>((resolve, reject) => {
    keeper.once('error', reject);
    keeper.once('exit', () => {
      if (servers.length === doors.length) return resolve();
      close();
      reject(new Error(`The machines' network has no door: ${said.trim()}`));
    });
  });
  return close;
}

/** Takes a visitor on to where a service of this host listens. */
export function forward(visitor: Socket, endpoint: string): void {
  const { hostname, port } = new URL(endpoint);
  const onwards = connect({ host: hostname, port: Number(port) });
  onwards.on('error', () => visitor.destroy());
  visitor.on('error', () => onwards.destroy());
  visitor.on('close', () => onwards.destroy());
  onwards.on('close', () => visitor.destroySoon());
  visitor.pipe(onwards).pipe(visitor);
}
