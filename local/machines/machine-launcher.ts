import { chmod, mkdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { resolve } from 'node:path';
import type { InstanceSpec, Launcher } from '../instances/launcher.ts';
import { AWS_PORT, addressOf, CLOUD_ADDRESS, METADATA_ADDRESS } from './addresses.ts';
import { findImages, type Images, type Release } from './images.ts';
import { forwardConnection, openListeners } from './listeners.ts';
import { bootMachine, discardDisk, type Machine } from './machine.ts';
import { createNamespaces } from './namespaces.ts';
import { createPackageServer } from './package-server.ts';
import { missingForMachines } from './requirements.ts';

/** EC2 gives an instance some minutes. Real time. */
const STOP_MS = 120_000;
const PACKAGES_PORT = 80;

export interface MachineLauncherOptions {
  /** A directory of the host, mounted at `/mnt/shared` of every machine. Anyone may write to it, as to `/tmp`. */
  shared: string;
  /** The release of Debian. An image of your own must be of the same release. Default `debian-12`. */
  release?: Release;
  /** The image that they boot from: a name, or the root of an image of your own. Default `prepared`. */
  image?: 'stock' | 'prepared' | { root: string };
  /** The time-out of an orderly shutdown, in milliseconds. Then the machine is killed. Default two minutes. */
  stopMs?: number;
  /** Called with progress messages for a person while images are built. */
  onProgress?: (line: string) => void;
}

/** Instances as machines that boot: with systemd, cloud-init that reads their metadata, and a network of their own. */
export interface MachineLauncher extends Launcher {
  launch(spec: InstanceSpec): Promise<Machine>;
  addressOf(number: number): string;
  close(): Promise<void>;
  /** @throws Error if it was never launched. */
  machine(instanceId: string): Machine;
  /**
   * The metadata service stops answering the instances that `of` selects, running ones and later ones. Their open
   * connections are closed. Returns a function that ends it.
   */
  silenceMetadata(of: (instanceId: string) => boolean): () => void;
}

/**
 * Replaces the process launcher: same cloud and user-data, but the instances are machines (Debian in systemd-nspawn,
 * each with its own metadata at 169.254.169.254, and AWS at 198.18.0.1:4566). Their network is not connected to the
 * host's. They end with the cloud, however it ends. An instance's directory keeps its journal and its console.
 *
 * @throws Error that says what to do if this host cannot boot machines (`missingForMachines`)
 */
export async function createMachineLauncher(options: MachineLauncherOptions): Promise<MachineLauncher> {
  const missing = missingForMachines();
  if (missing) throw new Error(missing);
  const images = await findImages(options.release ?? 'debian-12', options.onProgress ?? (() => {}));
  const shared = resolve(options.shared);
  await mkdir(shared, { recursive: true });
  await chmod(shared, 0o1777);
  return new NspawnLauncher({ ...options, shared }, images).open();
}

interface LaunchedMachine {
  spec: InstanceSpec;
  machine: Machine;
  number: number;
}

class NspawnLauncher implements MachineLauncher {
  readonly kind = 'machines';
  readonly addressOf = addressOf;
  readonly #options: MachineLauncherOptions;
  readonly #images: Images;
  /** By address, newest last. */
  readonly #machines = new Map<string, LaunchedMachine>();
  readonly #silenced = new Set<(instanceId: string) => boolean>();
  /** Open connections to the metadata service, with the address of the machine. */
  readonly #metadataConnections = new Map<Socket, string>();
  #namespaces: Awaited<ReturnType<typeof createNamespaces>> | undefined;
  #closeListeners: () => void = () => {};
  #launched = 0;

  constructor(options: MachineLauncherOptions, images: Images) {
    this.#options = options;
    this.#images = images;
  }

  async open(): Promise<this> {
    const room = await createNamespaces();
    const packages = createPackageServer(this.#images.packages);
    this.#namespaces = room;
    try {
      this.#closeListeners = await openListeners(room.pid, [
        { host: METADATA_ADDRESS, port: 80, onConnection: (socket) => this.#connectToMetadata(socket) },
        { host: CLOUD_ADDRESS, port: AWS_PORT, onConnection: (socket) => this.#connectToAws(socket) },
        {
          host: CLOUD_ADDRESS,
          port: PACKAGES_PORT,
          onConnection: (socket) => packages.emit('connection', socket),
        },
      ]);
    } catch (error) {
      await room.close();
      throw error;
    }
    return this;
  }

  async launch(spec: InstanceSpec): Promise<Machine> {
    if (!this.#namespaces) throw new Error('the network of the machines is closed');
    const { image = 'prepared', shared, stopMs = STOP_MS } = this.#options;
    // A machine that starts again keeps its number, as its system knows the interface by the name.
    const number = this.#machines.get(spec.privateIp)?.number ?? this.#launched++;
    const machine = await bootMachine(spec, {
      namespaces: this.#namespaces,
      number,
      image: typeof image === 'string' ? this.#images[image] : image.root,
      shared,
      stopMs,
    });
    this.#machines.set(spec.privateIp, { spec, machine, number });
    return machine;
  }

  discard(directory: string): Promise<void> {
    return discardDisk(directory);
  }

  machine(instanceId: string): Machine {
    const found = [...this.#machines.values()].find(({ spec }) => spec.instanceId === instanceId);
    if (found) return found.machine;
    throw new Error(`no machine ${instanceId} was launched`);
  }

  silenceMetadata(of: (instanceId: string) => boolean): () => void {
    this.#silenced.add(of);
    for (const [socket, instanceId] of this.#metadataConnections) if (of(instanceId)) socket.destroy();
    return () => this.#silenced.delete(of);
  }

  async close(): Promise<void> {
    this.#closeListeners();
    await this.#namespaces?.close();
    this.#namespaces = undefined;
  }

  #connectToMetadata(socket: Socket): void {
    const spec = this.#specOf(socket);
    if (!spec) return;
    this.#metadataConnections.set(socket, spec.instanceId);
    socket.once('close', () => this.#metadataConnections.delete(socket));
    const silent = [...this.#silenced].some((of) => of(spec.instanceId));
    // The connection stays open without an answer.
    if (silent) socket.resume();
    else forwardConnection(socket, spec.metadataEndpoint);
  }

  #connectToAws(socket: Socket): void {
    this.#specOf(socket)?.connectToAws(socket);
  }

  /** The instance with the address of the connection. Other connections are refused. */
  #specOf(socket: Socket): InstanceSpec | undefined {
    const spec = this.#machines.get(socket.remoteAddress ?? '')?.spec;
    if (!spec) socket.destroy();
    return spec;
  }
}
