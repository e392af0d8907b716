import { EventEmitter, once } from 'node:events';
import type { Instance, InstanceSpec, Launcher } from '../../local/instances/launcher.ts';

/** Machines on which nothing runs. The test acts as their agent. */
export class FakeMachines implements Launcher {
  readonly #booted = new EventEmitter();
  readonly #specs: InstanceSpec[] = [];

  async launch(spec: InstanceSpec): Promise<Instance> {
    const off = Promise.withResolvers<{ reason: string }>();
    const end = async (reason: string) => off.resolve({ reason });
    this.#specs.push(spec);
    this.#booted.emit('boot');
    return { gone: off.promise, terminate: () => end('terminated'), destroy: () => end('destroyed') };
  }

  /** Waits for this number of launched machines. */
  async booted(count: number): Promise<InstanceSpec[]> {
    while (this.#specs.length < count) await once(this.#booted, 'boot');
    return this.#specs.slice(0, count);
  }
}
