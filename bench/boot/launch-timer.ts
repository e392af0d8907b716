import { once } from 'node:events';
import { createServer } from 'node:net';
import type { InstanceSpec, Launcher } from '../../local/instances/launcher.ts';
import { forwardConnection } from '../../local/machines/listeners.ts';
import type { Machine } from '../../local/machines/machine.ts';
import type { MachineLauncher } from '../../local/machines/machine-launcher.ts';

/** A launched machine, and the times that are measured on the host, in milliseconds of its clock. */
export interface Launch {
  instanceId: string;
  machine: Machine;
  /** The directory that has the console as a file. */
  directory: string;
  /** When the machine was powered on. */
  atMs: number;
  /** When it first called the metadata service. */
  metadataAtMs?: number;
}

export interface LaunchTimer {
  /** The launcher to give to the cloud. */
  launcher: Launcher;
  /** Resolves with the next machine that the cloud launches. */
  nextLaunch(): Promise<Launch>;
}

/** Wraps a launcher to measure the times of its launches. */
export function withLaunchTimer(inner: MachineLauncher): LaunchTimer {
  const waiting: ((launch: Launch) => void)[] = [];
  const launch = async (spec: InstanceSpec): Promise<Machine> => {
    const atMs = Date.now();
    const proxy = await startProxy(spec.metadataEndpoint);
    const machine = await inner.launch({ ...spec, metadataEndpoint: proxy.endpoint });
    void machine.gone.then(proxy.close);
    const { instanceId, directory } = spec;
    const launched: Launch = { instanceId, directory, machine, atMs };
    void proxy.firstCall.then((at) => {
      launched.metadataAtMs = at;
    });
    for (const resolve of waiting.splice(0)) resolve(launched);
    return machine;
  };
  return {
    launcher: { launch, addressOf: inner.addressOf, close: () => inner.close() },
    nextLaunch: () => new Promise((resolve) => waiting.push(resolve)),
  };
}

/** A TCP proxy for an endpoint that measures the time of the first connection. */
async function startProxy(endpoint: string) {
  const first = Promise.withResolvers<number>();
  const server = createServer((socket) => {
    first.resolve(Date.now());
    socket.on('error', () => {});
    forwardConnection(socket, endpoint);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    firstCall: first.promise,
    close: () => void server.close(),
  };
}
