import { spawn } from 'node:child_process';
import { connect, type Server, type Socket } from 'node:net';

/** An address to listen on in the machines' network, and the handler of its connections. */
export interface Door {
  host: string;
  port: number;
  onVisitor(visitor: Socket): void;
}

/**
 * Listens inside the network namespace and passes the sockets to this process. A socket belongs to the network that it
 * was created in, so connections reach this process directly, with the machines' own addresses.
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
 * Listens in the network namespace of the process `pid`. Returns a function that closes the listeners.
 *
 * @throws Error with the message of the system if an address cannot be used.
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
    // The sockets stay open here; those of the child process end with it.
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
      reject(new Error(`Listening in the machines' network failed: ${said.trim()}`));
    });
  });
  return close;
}

/** Forwards a connection to a service of this host. */
export function forward(visitor: Socket, endpoint: string): void {
  const { hostname, port } = new URL(endpoint);
  const onwards = connect({ host: hostname, port: Number(port) });
  onwards.on('error', () => visitor.destroy());
  visitor.on('error', () => onwards.destroy());
  visitor.on('close', () => onwards.destroy());
  onwards.on('close', () => visitor.destroySoon());
  visitor.pipe(onwards).pipe(visitor);
}
