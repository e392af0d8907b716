import { chmod, mkdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { resolve } from 'node:path';
import type { InstanceSpec, Launcher } from '../instances/launcher.ts';
import { AWS_PORT, addressOf, LAB_ADDRESS, METADATA_ADDRESS } from './addresses.ts';
import { forward, openDoors } from './doors.ts';
import { findImages, type Images, type Release } from './images.ts';
import { bootMachine, discardDisk, type Machine } from './machine.ts';
import { createPackageServer } from './package-server.ts';
import { missingForMachines } from './requirements.ts';
import { openRoom } from './room.ts';

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
  return new Lab({ ...options, shared }, images).open();
}

interface Resident {
  spec: InstanceSpec;
  machine: Machine;
  number: number;
}

class Lab implements MachineLauncher {
  readonly kind = 'machines';
  readonly addressOf = addressOf;
  readonly #options: MachineLauncherOptions;
  readonly #images: Images;
  /** By address, newest last. */
  readonly #residents = new Map<string, Resident>();
  readonly #silenced = new Set<(instanceId: string) => boolean>();
  /** Open connections to the metadata service, with the address of the machine. */
  readonly #asking = new Map<Socket, string>();
  #room: Awaited<ReturnType<typeof openRoom>> | undefined;
  #closeDoors: () => void = () => {};
  #launched = 0;

  constructor(options: MachineLauncherOptions, images: Images) {
    this.#options = options;
    this.#images = images;
  }

  async open(): Promise<this> {
    const room = await openRoom();
    const packages = createPackageServer(this.#images.packages);
    this.#room = room;
    try {
      this.#closeDoors = await openDoors(room.pid, [
        { host: METADATA_ADDRESS, port: 80, onVisitor: (visitor) => this.#askMetadata(visitor) },
        { host: LAB_ADDRESS, port: AWS_PORT, onVisitor: (visitor) => this.#callAws(visitor) },
        {
          host: LAB_ADDRESS,
          port: PACKAGES_PORT,
          onVisitor: (visitor) => packages.emit('connection', visitor),
        },
      ]);
    } catch (error) {
      await room.close();
      throw error;
    }
    return this;
  }

  async launch(spec: InstanceSpec): Promise<Machine> {
    if (!this.#room) throw new Error('the network of the machines is closed');
    const { image = 'prepared', shared, stopMs = STOP_MS } = this.#options;
    // A machine that starts again keeps its number, as its system knows the interface by the name.
    const number = this.#residents.get(spec.privateIp)?.number ?? this.#launched++;
    const machine = await bootMachine(spec, {
      room: this.#room,
      number,
      image: typeof image === 'string' ? this.#images[image] : image.root,
      shared,
      stopMs,
    });
    this.#residents.set(spec.privateIp, { spec, machine, number });
    return machine;
  }

  discard(directory: string): Promise<void> {
    return discardDisk(directory);
  }

  machine(instanceId: string): Machine {
    const found = [...this.#residents.values()].find(({ spec }) => spec.instanceId === instanceId);
    if (found) return found.machine;
    throw new Error(`no machine ${instanceId} was launched`);
  }

  silenceMetadata(of: (instanceId: string) => boolean): () => void {
    this.#silenced.add(of);
    for (const [visitor, instanceId] of this.#asking) if (of(instanceId)) visitor.destroy();
    return () => this.#silenced.delete(of);
  }

  async close(): Promise<void> {
    this.#closeDoors();
    await this.#room?.close();
    this.#room = undefined;
  }

  #askMetadata(visitor: Socket): void {
    const spec = this.#specOf(visitor);
    if (!spec) return;
    this.#asking.set(visitor, spec.instanceId);
    visitor.once('close', () => this.#asking.delete(visitor));
    const silent = [...this.#silenced].some((of) => of(spec.instanceId));
    // The connection stays open without an answer.
    if (silent) visitor.resume();
    else forward(visitor, spec.metadataEndpoint);
  }

  #callAws(visitor: Socket): void {
    this.#specOf(visitor)?.connectToAws(visitor);
  }

  /** The instance with the address of the connection. Other connections are refused. */
  #specOf(visitor: Socket): InstanceSpec | undefined {
    const spec = this.#residents.get(visitor.remoteAddress ?? '')?.spec;
    if (!spec) visitor.destroy();
    return spec;
  }
}
