import { once } from 'node:events';
import { createServer } from 'node:net';
import type { InstanceSpec, Launcher } from '../../local/instances/launcher.ts';
import { forward } from '../../local/machines/doors.ts';
import type { Machine } from '../../local/machines/machine.ts';
import type { MachineLauncher } from '../../local/machines/machine-launcher.ts';

/** A machine that was launched, with what can only be seen from outside. Times are the host's clock, in milliseconds. */
export interface Launch {
  instanceId: string;
  machine: Machine;
  /** Where its console is, as a file. */
  directory: string;
  /** When the cloud switched it on. */
  atMs: number;
  /** When it first called its metadata service; undefined if it has not. */
  metadataAtMs?: number;
}

export interface Stopwatch {
  /** The launcher, for a cloud to use. */
  launcher: Launcher;
  /** Resolves with the next machine that the cloud launches. */
  nextLaunch(): Promise<Launch>;
}

/** Looks over the shoulder of a launcher. */
export function withStopwatch(inner: MachineLauncher): Stopwatch {
  const waiting: ((launch: Launch) => void)[] = [];
  const launch = async (spec: InstanceSpec): Promise<Machine> => {
    const atMs = Date.now();
    const door = await watchedDoor(spec.metadataEndpoint);
    const machine = await inner.launch({ ...spec, metadataEndpoint: door.endpoint });
    void machine.gone.then(door.close);
    const { instanceId, directory } = spec;
    const launched: Launch = { instanceId, directory, machine, atMs };
    void door.visited.then((at) => {
      launched.metadataAtMs = at;
    });
    for (const tell of waiting.splice(0)) tell(launched);
    return machine;
  };
  return {
    launcher: { launch, addressOf: inner.addressOf, close: () => inner.close() },
    nextLaunch: () => new Promise((resolve) => waiting.push(resolve)),
  };
}

/** A door of this host before another, that tells when somebody first came through. */
async function watchedDoor(endpoint: string) {
  const first = Promise.withResolvers<number>();
  const server = createServer((visitor) => {
    first.resolve(Date.now());
    visitor.on('error', () => {});
    forward(visitor, endpoint);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a door without a port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    visited: first.promise,
    close: () => void server.close(),
  };
}
