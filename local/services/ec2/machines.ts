import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { AwsError, type CloudContext, type SessionCredentials } from '../../front-door/service.ts';
import { type MetadataService, startMetadataService } from '../../instances/imds.ts';
import type { Launcher } from '../../instances/launcher.ts';
import type { LaunchParameters } from './launch-parameters.ts';
import { is, isOver, type Machine, type MachineState, reservationIdOf } from './machine.ts';

/** AWS renews credentials at least five minutes before they expire ("Retrieve security credentials"). */
const RENEW_CREDENTIALS_MS = 10 * 60_000;
/** The time between the notice and the termination of a Spot Instance ("Spot Instance interruption notices"). */
const SPOT_NOTICE_MS = 120_000;

/** What a launch needs beside its parameters. It is determined before the launch, since it may fail. */
export interface Placement {
  availabilityZone: string;
  roleArn: string | undefined;
  instanceProfileArn: string | undefined;
}

/**
 * All EC2 instances of a region: pending -> running -> shutting-down -> terminated, or stopped when an instance shuts
 * itself down and its shutdown behaviour is `stop`. Auto Scaling stops and starts those of its warm pools: running ->
 * stopping -> stopped -> pending. While it runs, each instance has its own metadata service.
 */
export class Machines {
  readonly #context: CloudContext;
  readonly #launcher: Launcher;
  readonly #takeNumber: () => number;
  readonly #machines = new Map<string, Machine>();
  readonly #listeners = new Set<(machine: Machine) => void>();
  readonly #lives = new Map<string, Promise<void>>();
  #closed = false;

  /** @param takeNumber gives each instance of the account a number, from 0 */
  constructor(context: CloudContext, launcher: Launcher, takeNumber: () => number) {
    this.#context = context;
    this.#launcher = launcher;
    this.#takeNumber = takeNumber;
  }

  all(): Machine[] {
    return [...this.#machines.values()];
  }

  /** @throws `InvalidInstanceID.NotFound` */
  get(id: string): Machine {
    const machine = this.#machines.get(id);
    if (machine) return machine;
    throw new AwsError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
  }

  find(id: string): Machine | undefined {
    return this.#machines.get(id);
  }

  /** Calls `listener` after every change of an instance's state. Returns a function that stops it. */
  onStateChange(listener: (machine: Machine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Registers a pending instance. Its boot continues in the background, as in EC2. */
  launch(parameters: LaunchParameters, placement: Placement): Machine {
    // An instance that started now would not be terminated.
    if (this.#closed) throw new AwsError('ServiceUnavailable', 'The embedded cloud is closing.', 503);
    const id = `i-0${randomBytes(8).toString('hex')}`;
    const machine: Machine = {
      id,
      launch: parameters,
      ...placement,
      privateIp: this.#freeAddress(),
      launchedAt: this.#launchTime(),
      tags: new Map(parameters.tags),
      directory: resolve(this.#context.directory, 'instances', id),
      state: 'pending',
      stateReason: undefined,
      terminatedAt: undefined,
      terminationProtection: parameters.terminationProtection,
      notices: { targetLifecycleState: undefined, spotAction: undefined, rebalance: undefined },
      power: undefined,
    };
    this.#machines.set(id, machine);
    this.#lives.set(id, this.#live(machine));
    return machine;
  }

  /** Shuts a running instance down; it keeps its disk and its address. Returns at once. */
  stop(machine: Machine): void {
    if (!is(machine, 'running')) return;
    this.#explain(machine, 'Client.UserInitiatedShutdown: User initiated shutdown');
    this.#change(machine, 'stopping');
    // Not started yet: `#run` sees the state.
    void shutDown(machine);
  }

  /** Starts a stopped instance. Returns at once. */
  start(machine: Machine): void {
    if (!is(machine, 'stopped') || this.#closed) return;
    machine.launchedAt = this.#launchTime();
    machine.stateReason = undefined;
    this.#change(machine, 'pending');
    this.#lives.set(machine.id, this.#live(machine, true));
  }

  /** EC2's terminate: a shutdown, then the termination. Returns at once. Has no effect on a terminated instance. */
  terminate(machine: Machine, reason = 'Client.UserInitiatedShutdown: User initiated shutdown'): void {
    if (is(machine, 'terminated', 'shutting-down')) return;
    this.#explain(machine, reason);
    if (is(machine, 'stopped')) {
      this.#end(machine, 'terminated');
      return;
    }
    this.#change(machine, 'shutting-down');
    // Not started yet: `#live` sees the state and stops.
    void machine.power?.terminate();
  }

  /** Simulates a failed host: everything on the instance is killed at once. */
  async destroy(machine: Machine): Promise<void> {
    this.#explain(machine, 'Server.InternalError: Internal error on launch or host failure');
    if (isOver(machine)) return;
    this.#change(machine, 'shutting-down');
    await machine.power?.destroy();
    await this.#lives.get(machine.id);
  }

  /**
   * Sends the notice, and terminates the instance at the time that it names. That time is real, as the instance's own
   * timers are. It is two minutes; tests that cannot wait for them take less.
   */
  interruptSpot(machine: Machine, noticeMs = SPOT_NOTICE_MS): void {
    const { clock } = this.#context;
    machine.notices.spotAction = { action: 'terminate', time: new Date(clock.now() + noticeMs) };
    clock.after(noticeMs * clock.speed, () => {
      this.terminate(machine, 'Server.SpotInstanceTermination: Spot instance termination');
    });
  }

  /** The recommendation that precedes an interruption, or is sent without one. */
  recommendRebalance(machine: Machine): void {
    machine.notices.rebalance = new Date(this.#context.clock.now());
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const machine of this.all()) if (!isOver(machine)) void this.destroy(machine);
    await Promise.all(this.#lives.values());
    for (const { directory } of this.all()) await this.#launcher.discard?.(directory);
  }

  /** Runs an instance from pending to its end. Never rejects: an error ends the instance and becomes its reason. */
  async #live(machine: Machine, again = false): Promise<void> {
    let metadata: MetadataService | undefined;
    try {
      metadata = await startMetadataService(this.#metadataView(machine), () => this.#context.clock.now());
      if (is(machine, 'pending')) {
        this.#change(machine, 'running');
        const reason = await this.#run(machine, metadata.endpoint, again);
        if (machine.state === 'running')
          this.#explain(machine, `Client.InstanceInitiatedShutdown: ${reason}`);
      }
    } catch (error) {
      this.#explain(machine, `Server.InternalError: ${error instanceof Error ? error.message : error}`);
      this.#change(machine, 'shutting-down');
    }
    await metadata?.close();
    const stopsItself = is(machine, 'running') && machine.launch.shutdownBehavior === 'stop';
    this.#end(machine, stopsItself || is(machine, 'stopping') ? 'stopped' : 'terminated');
  }

  async #run(machine: Machine, metadataEndpoint: string, again: boolean): Promise<string> {
    machine.power = await this.#launcher.launch({
      instanceId: machine.id,
      instanceType: machine.launch.instanceType,
      availabilityZone: machine.availabilityZone,
      privateIp: machine.privateIp,
      userData: machine.launch.userData ?? '',
      metadataEndpoint,
      awsEndpoint: this.#context.endpoint(),
      connectToAws: (visitor) => this.#context.admitGuest(visitor),
      region: this.#context.region,
      directory: machine.directory,
      again,
    });
    // It may have been stopped or terminated while the launcher started it.
    if (!is(machine, 'running')) void shutDown(machine);
    const { reason } = await machine.power.gone;
    return reason;
  }

  #end(machine: Machine, state: 'stopped' | 'terminated'): void {
    machine.power = undefined;
    if (state === 'terminated') {
      machine.terminatedAt = new Date(this.#context.clock.now());
      // It may be stopped or stopping.
      void this.#launcher.discard?.(machine.directory);
    }
    this.#change(machine, state);
  }

  #change(machine: Machine, state: MachineState): void {
    if (machine.state === state) return;
    machine.state = state;
    for (const listener of this.#listeners) listener(machine);
  }

  #explain(machine: Machine, reason: string): void {
    machine.stateReason ??= { code: reason.split(':', 1)[0] ?? reason, message: reason };
  }

  /** EC2 reports launch times to the second. */
  #launchTime(): Date {
    return new Date(Math.floor(this.#context.clock.now() / 1000) * 1000);
  }

  #metadataView(machine: Machine) {
    const { region, accountId } = this.#context;
    let session: SessionCredentials | undefined;
    return {
      instanceId: machine.id,
      instanceType: machine.launch.instanceType,
      imageId: machine.launch.imageId,
      privateIp: machine.privateIp,
      availabilityZone: machine.availabilityZone,
      region,
      accountId,
      launchTime: machine.launchedAt,
      lifecycle: machine.launch.lifecycle,
      userData: machine.launch.userData,
      reservationId: reservationIdOf(machine),
      subnetId: machine.launch.subnetId,
      instanceProfileArn: machine.instanceProfileArn,
      roleName: machine.roleArn?.split('/').at(-1),
      options: machine.launch.metadata,
      tags: () => machine.tags,
      targetLifecycleState: () => machine.notices.targetLifecycleState,
      spotAction: () => machine.notices.spotAction,
      rebalanceNotice: () => machine.notices.rebalance,
      credentials: () => {
        if (!session || Date.parse(session.Expiration) - this.#context.clock.now() < RENEW_CREDENTIALS_MS) {
          session = this.#context.issueSession(machine.roleArn ?? '', machine.id);
        }
        return session;
      },
    };
  }

  /** An address that no instance had before: the launcher's, else one of 10.0.0.0/16. */
  #freeAddress(): string {
    const number = this.#takeNumber();
    const host = number + 4;
    return this.#launcher.addressOf?.(number) ?? `10.0.${(host >> 8) & 255}.${host & 255}`;
  }
}

async function shutDown(machine: Machine): Promise<void> {
  const { power } = machine;
  if (power?.stop && is(machine, 'stopping')) await power.stop();
  else await power?.terminate();
}
