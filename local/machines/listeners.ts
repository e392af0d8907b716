import { spawn } from 'node:child_process';
import { connect, type Server, type Socket } from 'node:net';

/** An address to listen on in the machines' network, and the handler of its connections. */
export interface Listener {
  host: string;
  port: number;
  onConnection(socket: Socket): void;
}

/**
 * Listens inside the network namespace and passes the sockets to this process. A socket belongs to the network that it
 * was created in, so connections reach this process directly, with the machines' own addresses.
 */
const LISTENER_PROGRAM = `
const { createServer } = require('node:net');
const listeners = JSON.parse(process.argv[1]);
process.once('disconnect', () => process.exit());
listeners.forEach(([host, port], index) => {
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
export async function openListeners(pid: number, listeners: readonly Listener[]): Promise<() => void> {
  const addresses = JSON.stringify(listeners.map(({ host, port }) => [host, port]));
  const child = spawn(
    'nsenter',
    ['--target', String(pid), '--net', process.execPath, '--eval', LISTENER_PROGRAM, addresses],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  child.on('message', (index, server) => {
    const listener = listeners[Number(index)];
    if (!listener || !server) return;
    servers.push(server as Server);
    // The sockets stay open here; those of the child process end with it.
    if (servers.length === listeners.length) child.disconnect();
    (server as Server).on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket)).on('error', () => {});
      listener.onConnection(socket);
    });
  });
  const close = () => {
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      if (servers.length === listeners.length) return resolve();
      close();
      reject(new Error(`Listening in the machines' network failed: ${output.trim()}`));
    });
  });
  return close;
}

/** Forwards a connection to a service of this host. */
export function forwardConnection(socket: Socket, endpoint: string): void {
  const { hostname, port } = new URL(endpoint);
  const target = connect({ host: hostname, port: Number(port) });
  target.on('error', () => socket.destroy());
  socket.on('error', () => target.destroy());
  socket.on('close', () => target.destroy());
  target.on('close', () => socket.destroySoon());
  socket.pipe(target).pipe(socket);
}
