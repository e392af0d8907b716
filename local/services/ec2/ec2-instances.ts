import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { AwsError, type CloudContext, type SessionCredentials } from '../../front-door/service.ts';
import { type MetadataService, startMetadataService } from '../../instances/imds.ts';
import type { Launcher } from '../../instances/launcher.ts';
import {
  type Ec2Instance,
  type Ec2InstanceState,
  hasEnded,
  isInState,
  reservationId,
} from './ec2-instance.ts';
import type { LaunchParameters } from './launch-parameters.ts';

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
export class Ec2Instances {
  readonly #context: CloudContext;
  readonly #launcher: Launcher;
  readonly #takeNumber: () => number;
  readonly #instances = new Map<string, Ec2Instance>();
  readonly #listeners = new Set<(instance: Ec2Instance) => void>();
  readonly #lives = new Map<string, Promise<void>>();
  #closed = false;

  /** @param takeNumber gives each instance of the account a number, from 0 */
  constructor(context: CloudContext, launcher: Launcher, takeNumber: () => number) {
    this.#context = context;
    this.#launcher = launcher;
    this.#takeNumber = takeNumber;
  }

  all(): Ec2Instance[] {
    return [...this.#instances.values()];
  }

  /** @throws `InvalidInstanceID.NotFound` */
  get(id: string): Ec2Instance {
    const instance = this.#instances.get(id);
    if (instance) return instance;
    throw new AwsError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
  }

  find(id: string): Ec2Instance | undefined {
    return this.#instances.get(id);
  }

  /** Calls `listener` after every change of an instance's state. Returns a function that stops it. */
  onStateChange(listener: (instance: Ec2Instance) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Registers a pending instance. Its boot continues in the background, as in EC2. */
  launch(parameters: LaunchParameters, placement: Placement): Ec2Instance {
    // An instance that started now would not be terminated.
    if (this.#closed) throw new AwsError('ServiceUnavailable', 'The embedded cloud is closing.', 503);
    const id = `i-0${randomBytes(8).toString('hex')}`;
    const instance: Ec2Instance = {
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
      launchedInstance: undefined,
    };
    this.#instances.set(id, instance);
    this.#lives.set(id, this.#live(instance));
    return instance;
  }

  /** Shuts a running instance down; it keeps its disk and its address. Returns at once. */
  stop(instance: Ec2Instance): void {
    if (!isInState(instance, 'running')) return;
    this.#explain(instance, 'Client.UserInitiatedShutdown: User initiated shutdown');
    this.#change(instance, 'stopping');
    // Not started yet: `#run` sees the state.
    void shutDown(instance);
  }

  /** Starts a stopped instance. Returns at once. */
  start(instance: Ec2Instance): void {
    if (!isInState(instance, 'stopped') || this.#closed) return;
    instance.launchedAt = this.#launchTime();
    instance.stateReason = undefined;
    this.#change(instance, 'pending');
    this.#lives.set(instance.id, this.#live(instance, true));
  }

  /** EC2's terminate: a shutdown, then the termination. Returns at once. Has no effect on a terminated instance. */
  terminate(instance: Ec2Instance, reason = 'Client.UserInitiatedShutdown: User initiated shutdown'): void {
    if (isInState(instance, 'terminated', 'shutting-down')) return;
    this.#explain(instance, reason);
    if (isInState(instance, 'stopped')) {
      this.#end(instance, 'terminated');
      return;
    }
    this.#change(instance, 'shutting-down');
    // Not started yet: `#live` sees the state and stops.
    void instance.launchedInstance?.terminate();
  }

  /** Simulates a failed host: everything on the instance is killed at once. */
  async destroy(instance: Ec2Instance): Promise<void> {
    this.#explain(instance, 'Server.InternalError: Internal error on launch or host failure');
    if (hasEnded(instance)) return;
    this.#change(instance, 'shutting-down');
    await instance.launchedInstance?.destroy();
    await this.#lives.get(instance.id);
  }

  /**
   * Sends the notice, and terminates the instance at the time that it names. That time is real, as the instance's own
   * timers are. It is two minutes; tests that cannot wait for them take less.
   */
  interruptSpot(instance: Ec2Instance, noticeMs = SPOT_NOTICE_MS): void {
    const { clock } = this.#context;
    instance.notices.spotAction = { action: 'terminate', time: new Date(clock.now() + noticeMs) };
    clock.after(noticeMs * clock.speed, () => {
      this.terminate(instance, 'Server.SpotInstanceTermination: Spot instance termination');
    });
  }

  /** The recommendation that precedes an interruption, or is sent without one. */
  recommendRebalance(instance: Ec2Instance): void {
    instance.notices.rebalance = new Date(this.#context.clock.now());
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const instance of this.all()) if (!hasEnded(instance)) void this.destroy(instance);
    await Promise.all(this.#lives.values());
    for (const { directory } of this.all()) await this.#launcher.discard?.(directory);
  }

  /** Runs an instance from pending to its end. Never rejects: an error ends the instance and becomes its reason. */
  async #live(instance: Ec2Instance, again = false): Promise<void> {
    let metadata: MetadataService | undefined;
    try {
      metadata = await startMetadataService(this.#metadataView(instance), () => this.#context.clock.now());
      if (isInState(instance, 'pending')) {
        this.#change(instance, 'running');
        const reason = await this.#run(instance, metadata.endpoint, again);
        if (instance.state === 'running')
          this.#explain(instance, `Client.InstanceInitiatedShutdown: ${reason}`);
      }
    } catch (error) {
      this.#explain(instance, `Server.InternalError: ${error instanceof Error ? error.message : error}`);
      this.#change(instance, 'shutting-down');
    }
    await metadata?.close();
    const stopsItself = isInState(instance, 'running') && instance.launch.shutdownBehavior === 'stop';
    this.#end(instance, stopsItself || isInState(instance, 'stopping') ? 'stopped' : 'terminated');
  }

  async #run(instance: Ec2Instance, metadataEndpoint: string, again: boolean): Promise<string> {
    instance.launchedInstance = await this.#launcher.launch({
      instanceId: instance.id,
      instanceType: instance.launch.instanceType,
      availabilityZone: instance.availabilityZone,
      privateIp: instance.privateIp,
      userData: instance.launch.userData ?? '',
      metadataEndpoint,
      awsEndpoint: this.#context.endpoint(),
      connectToAws: (socket) => this.#context.acceptFromInstance(socket),
      region: this.#context.region,
      directory: instance.directory,
      restarted: again,
    });
    // It may have been stopped or terminated while the launcher started it.
    if (!isInState(instance, 'running')) void shutDown(instance);
    const { reason } = await instance.launchedInstance.gone;
    return reason;
  }

  #end(instance: Ec2Instance, state: 'stopped' | 'terminated'): void {
    instance.launchedInstance = undefined;
    if (state === 'terminated') {
      instance.terminatedAt = new Date(this.#context.clock.now());
      // It may be stopped or stopping.
      void this.#launcher.discard?.(instance.directory);
    }
    this.#change(instance, state);
  }

  #change(instance: Ec2Instance, state: Ec2InstanceState): void {
    if (instance.state === state) return;
    instance.state = state;
    for (const listener of this.#listeners) listener(instance);
  }

  #explain(instance: Ec2Instance, reason: string): void {
    instance.stateReason ??= { code: reason.split(':', 1)[0] ?? reason, message: reason };
  }

  /** EC2 reports launch times to the second. */
  #launchTime(): Date {
    return new Date(Math.floor(this.#context.clock.now() / 1000) * 1000);
  }

  #metadataView(instance: Ec2Instance) {
    const { region, accountId } = this.#context;
    let session: SessionCredentials | undefined;
    return {
      instanceId: instance.id,
      instanceType: instance.launch.instanceType,
      imageId: instance.launch.imageId,
      privateIp: instance.privateIp,
      availabilityZone: instance.availabilityZone,
      region,
      accountId,
      launchTime: instance.launchedAt,
      lifecycle: instance.launch.lifecycle,
      userData: instance.launch.userData,
      reservationId: reservationId(instance),
      subnetId: instance.launch.subnetId,
      instanceProfileArn: instance.instanceProfileArn,
      roleName: instance.roleArn?.split('/').at(-1),
      options: instance.launch.metadata,
      tags: () => instance.tags,
      targetLifecycleState: () => instance.notices.targetLifecycleState,
      spotAction: () => instance.notices.spotAction,
      rebalanceNotice: () => instance.notices.rebalance,
      credentials: () => {
        if (!session || Date.parse(session.Expiration) - this.#context.clock.now() < RENEW_CREDENTIALS_MS) {
          session = this.#context.issueSession(instance.roleArn ?? '', instance.id);
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

async function shutDown(instance: Ec2Instance): Promise<void> {
  const { launchedInstance } = instance;
  if (launchedInstance?.stop && isInState(instance, 'stopping')) await launchedInstance.stop();
  else await launchedInstance?.terminate();
}
