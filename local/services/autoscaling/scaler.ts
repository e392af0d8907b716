import { optionalStructure, optionalText, structures, text } from '../../front-door/read.ts';
import type { CloudContext, Input } from '../../front-door/service.ts';
import type { Ec2 } from '../ec2/ec2.ts';
import type { Machine } from '../ec2/machine.ts';
import type { Activities } from './activities.ts';
import {
  type Activity,
  actualCapacity,
  type Group,
  type GroupInstance,
  isLaunching,
  isTerminating,
} from './group.ts';
import type { Groups } from './groups.ts';
import type { Lifecycle } from './lifecycle.ts';
import { imbalance, nextIsSpot, nextZone, selectForScaleIn } from './selection.ts';

/** After a failed launch AWS tries again with growing pauses. Cloud time. */
const FIRST_LAUNCH_PAUSE_MS = 30_000;
const LONGEST_LAUNCH_PAUSE_MS = 15 * 60_000;

const DIFFERENCE = 'in response to a difference between desired and actual capacity';
const REPLACEMENT = 'in response to an unhealthy instance needing to be replaced';

/** Brings groups to their desired capacity, and takes every instance through its life. */
export class Scaler {
  readonly #context: CloudContext;
  readonly #groups: Groups;
  readonly #activities: Activities;
  readonly #lifecycle: Lifecycle;
  readonly #machines: Ec2['machines'];
  readonly #stopListening: () => void;
  #closed = false;

  constructor(
    context: CloudContext,
    parts: { groups: Groups; activities: Activities; lifecycle: Lifecycle; ec2: Ec2 },
  ) {
    this.#context = context;
    this.#groups = parts.groups;
    this.#activities = parts.activities;
    this.#lifecycle = parts.lifecycle;
    this.#machines = parts.ec2.machines;
    this.#stopListening = this.#machines.onStateChange((machine) => this.#onMachine(machine));
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
    for (const group of this.#groups.all()) {
      group.launchPause?.();
      for (const instance of group.instances.values()) this.#lifecycle.cancel(instance);
    }
  }

  /** Sets the desired capacity, with the sentence that says who did. */
  setDesired(group: Group, desired: number, what: string): void {
    if (desired !== group.desiredCapacity) {
      const change = `changing the desired capacity from ${group.desiredCapacity} to ${desired}`;
      group.reasons.push(this.#activities.sentence(`${what} ${change}`));
      group.desiredCapacity = desired;
    }
    this.reconcile(group);
  }

  /** Launches or terminates what the desired capacity asks for, as far as no process is suspended. */
  reconcile(group: Group): void {
    if (this.#closed) return;
    this.#replaceUnhealthy(group);
    if (group.deleting) {
      if (group.instances.size === 0 && group.requested.size === 0) this.#groups.remove(group);
      return;
    }
    const actual = actualCapacity(group);
    if (actual < group.desiredCapacity) this.#scaleOut(group, actual);
    else if (actual > group.desiredCapacity) this.#scaleIn(group, actual);
    else {
      group.reasons = [];
      this.#rebalance(group);
    }
  }

  /** Puts an instance on its way out. One that is on it stays there. */
  terminate(group: Group, instance: GroupInstance, cause: string): Activity {
    if (isTerminating(instance)) return instance.activity;
    if (isLaunching(instance)) this.#activities.end(instance.activity, 'Cancelled');
    this.#lifecycle.cancel(instance);
    const description = `Terminating EC2 instance: ${instance.id}`;
    const details = { 'Availability Zone': instance.zone };
    instance.activity = this.#activities.start(group, description, cause, 'InProgress', details);
    this.#setState(instance, 'Terminating');
    if (!group.deleting) {
      this.#lifecycle.start(group, instance, 'autoscaling:EC2_INSTANCE_TERMINATING', () =>
        this.#proceedToEnd(group, instance),
      );
      this.#showWaiting(instance, 'Terminating:Wait');
    } else {
      this.#proceedToEnd(group, instance);
    }
    return instance.activity;
  }

  /** Ends all instances of a group that is going, without hooks. */
  empty(group: Group): void {
    group.deleting = true;
    group.launchPause?.();
    for (const instance of group.instances.values()) {
      if (instance.state === 'Terminating:Proceed') continue;
      if (isTerminating(instance)) {
        this.#lifecycle.cancel(instance);
        this.#proceedToEnd(group, instance);
        continue;
      }
      this.terminate(group, instance, this.#activities.sentence('a user request deleted the group'));
    }
    this.reconcile(group);
  }

  /** The failing of a health check, EC2's or one of the user's own. */
  markUnhealthy(group: Group, instance: GroupInstance, check: string): void {
    if (isTerminating(instance)) return;
    instance.health = 'Unhealthy';
    instance.failedCheck = check;
    this.reconcile(group);
  }

  #replaceUnhealthy(group: Group): void {
    if (group.suspended.has('ReplaceUnhealthy') || group.suspended.has('Terminate')) return;
    for (const instance of group.instances.values()) {
      if (instance.health !== 'Unhealthy' || isTerminating(instance)) continue;
      const what = `an instance was taken out of service in response to ${instance.failedCheck}`;
      this.terminate(group, instance, this.#activities.sentence(what));
      group.replacements += 1;
    }
  }

  #scaleOut(group: Group, actual: number): void {
    if (group.suspended.has('Launch') || group.launchPause) return;
    for (let have = actual; have < group.desiredCapacity; have += 1) {
      const replacing = group.replacements > 0 && group.reasons.length === 0;
      if (group.replacements > 0) group.replacements -= 1;
      const why = replacing
        ? `an instance was launched ${REPLACEMENT}`
        : `an instance was started ${DIFFERENCE}, increasing the capacity from ${have} to ${have + 1}`;
      void this.#launch(group, this.#because(group, why), nextZone(group));
    }
    group.reasons = [];
  }

  #scaleIn(group: Group, actual: number): void {
    group.replacements = 0;
    if (group.suspended.has('Terminate')) return;
    for (let have = actual; have > group.desiredCapacity; have -= 1) {
      const instance = selectForScaleIn(group);
      if (!instance) return;
      const shrinking = `shrinking the capacity from ${have} to ${have - 1}`;
      const taken = this.#because(group, `an instance was taken out of service ${DIFFERENCE}, ${shrinking}`);
      const selected = this.#activities.sentence(`instance ${instance.id} was selected for termination`);
      this.terminate(group, instance, `${taken}  ${selected}`);
    }
    group.reasons = [];
  }

  /** "Rebalancing activities": the new instance comes first, the old one goes when that is in service. */
  #rebalance(group: Group): void {
    const still = [...group.instances.values()].every((one) => one.state === 'InService');
    const suspended = (['AZRebalance', 'Launch', 'Terminate'] as const).some((p) => group.suspended.has(p));
    const found = still && !suspended && group.requested.size === 0 ? imbalance(group) : undefined;
    if (!found) return;
    const why = "an instance was launched to aid in balancing the group's zones";
    void this.#launch(group, this.#activities.sentence(why), found.to, true);
  }

  #because(group: Group, what: string): string {
    return [...group.reasons, this.#activities.sentence(what)].join('  ');
  }

  /** Never rejects: a launch that fails is an activity that failed, and is tried again later. */
  async #launch(group: Group, cause: string, zone: string, balancing = false): Promise<void> {
    const details = { 'Availability Zone': zone };
    const description = 'Launching a new EC2 instance';
    const activity = this.#activities.start(group, description, cause, 'PreInService', details);
    const request = { zone };
    group.requested.add(request);
    try {
      const answer = await this.#context.call('ec2', 'RunInstances', this.#runInput(group, zone));
      group.requested.delete(request);
      group.launchFailures = 0;
      this.#adopt(group, { activity, zone, balancing }, answer);
    } catch (error) {
      group.requested.delete(request);
      const reason = `${error instanceof Error ? error.message : error}. Launching EC2 instance failed.`;
      activity.description = `${description}.  Status Reason: ${reason}`;
      this.#activities.end(activity, 'Failed', reason);
      this.#pauseLaunches(group);
    }
  }

  #runInput(group: Group, zone: string): Input {
    const { template, mixed } = group.launch;
    const spot = nextIsSpot(group);
    const tags = [...group.tags].flatMap(([Key, { value, propagate }]) =>
      propagate ? [{ Key, Value: value }] : [],
    );
    tags.push({ Key: 'aws:autoscaling:groupName', Value: group.name });
    const subnet = group.subnets.find((one) => one.zone === zone);
    return {
      MinCount: 1,
      MaxCount: 1,
      LaunchTemplate: { LaunchTemplateId: template.id, Version: template.version },
      InstanceType: mixed?.instanceTypes[0],
      InstanceMarketOptions: spot ? { MarketType: 'spot' } : undefined,
      SubnetId: subnet?.id,
      Placement: subnet ? undefined : { AvailabilityZone: zone },
      TagSpecifications: [{ ResourceType: 'instance', Tags: tags }],
    };
  }

  #adopt(
    group: Group,
    { activity, zone, balancing }: { activity: Activity; zone: string; balancing: boolean },
    answer: Input,
  ): void {
    const [made = {}] = structures(answer, 'Instances');
    const tags = structures(made, 'Tags');
    const tag = (key: string) => optionalText(tags.find((one) => one['Key'] === key) ?? {}, 'Value');
    const instance: GroupInstance = {
      id: text(made, 'InstanceId'),
      type: text(made, 'InstanceType'),
      zone: optionalText(optionalStructure(made, 'Placement') ?? {}, 'AvailabilityZone') ?? zone,
      spot: optionalText(made, 'InstanceLifecycle') === 'spot',
      launchedAt: this.#context.clock.now(),
      templateVersion: tag('aws:ec2launchtemplate:version') ?? '1',
      balancing,
      state: 'Pending',
      health: 'Healthy',
      failedCheck: undefined,
      protected: group.newInstancesProtected,
      inServiceAt: undefined,
      activity,
      waits: new Map(),
      done: undefined,
    };
    activity.description = `Launching a new EC2 instance: ${instance.id}`;
    group.instances.set(instance.id, instance);
    const machine = this.#machines.get(instance.id);
    machine.notices.targetLifecycleState = 'InService';
    // The group may have been deleted, and the machine may be up, while EC2 was asked.
    if (group.deleting) {
      this.terminate(group, instance, this.#activities.sentence('a user request deleted the group'));
    } else {
      this.#onMachine(machine);
    }
  }

  #pauseLaunches(group: Group): void {
    const pause = Math.min(FIRST_LAUNCH_PAUSE_MS * 2 ** group.launchFailures, LONGEST_LAUNCH_PAUSE_MS);
    group.launchFailures += 1;
    group.launchPause?.();
    group.launchPause = this.#context.clock.after(pause, () => {
      group.launchPause = undefined;
      this.reconcile(group);
    });
  }

  #onMachine(machine: Machine): void {
    const found = this.#groups.findInstance(machine.id);
    if (!found) return;
    const { group, instance } = found;
    if (machine.state === 'running' && instance.state === 'Pending') this.#onRunning(group, instance);
    else if (machine.state === 'terminated' && instance.state === 'Terminating:Proceed') {
      this.#onTerminated(group, instance);
    } else if (machine.state !== 'running' && machine.state !== 'pending') {
      this.#onFailedCheck(group, instance);
    }
  }

  #onRunning(group: Group, instance: GroupInstance): void {
    this.#lifecycle.start(group, instance, 'autoscaling:EC2_INSTANCE_LAUNCHING', (result) => {
      if (result === 'CONTINUE') {
        this.#setState(instance, 'Pending:Proceed');
        this.#enterService(group, instance);
        return;
      }
      const what = `an instance was taken out of service in response to an ABANDONed lifecycle action`;
      this.terminate(group, instance, this.#activities.sentence(what));
      this.reconcile(group);
    });
    this.#showWaiting(instance, 'Pending:Wait');
  }

  #enterService(group: Group, instance: GroupInstance): void {
    this.#setState(instance, 'InService');
    instance.inServiceAt = this.#context.clock.now();
    this.#activities.end(instance.activity, 'Successful');
    if (instance.balancing && actualCapacity(group) > group.desiredCapacity) {
      this.#endRebalanced(group, instance);
    }
    this.reconcile(group);
  }

  /** After the launch that aids in balancing, the instance goes that made the balance wrong. */
  #endRebalanced(group: Group, arrived: GroupInstance): void {
    if (group.suspended.has('Terminate') || group.suspended.has('AZRebalance')) return;
    const found = selectForScaleIn(group);
    if (!found || found === arrived || found.zone === arrived.zone) return;
    const what = "an instance was taken out of service to aid in balancing the group's zones";
    this.terminate(group, found, this.#activities.sentence(what));
  }

  #onFailedCheck(group: Group, instance: GroupInstance): void {
    if (group.suspended.has('HealthCheck')) return;
    this.markUnhealthy(group, instance, 'an EC2 health check indicating it has been terminated or stopped');
  }

  #proceedToEnd(group: Group, instance: GroupInstance): void {
    this.#setState(instance, 'Terminating:Proceed');
    instance.activity.status = 'InProgress';
    const machine = this.#machines.get(instance.id);
    if (machine.state === 'terminated') {
      this.#onTerminated(group, instance);
      return;
    }
    // A group may end what it started: termination protection does not ask Auto Scaling.
    machine.terminationProtection = false;
    const input = { InstanceIds: [machine.id] };
    this.#context.call('ec2', 'TerminateInstances', input).catch(() => this.#machines.terminate(machine));
  }

  #onTerminated(group: Group, instance: GroupInstance): void {
    this.#setState(instance, 'Terminated');
    group.instances.delete(instance.id);
    this.#activities.end(instance.activity, 'Successful');
    this.reconcile(group);
  }

  #showWaiting(instance: GroupInstance, state: 'Pending:Wait' | 'Terminating:Wait'): void {
    if (instance.waits.size === 0) return;
    this.#setState(instance, state);
    instance.activity.status = 'MidLifecycleAction';
  }

  #setState(instance: GroupInstance, state: GroupInstance['state']): void {
    instance.state = state;
    const machine = this.#machines.find(instance.id);
    if (machine && state.startsWith('Terminat')) machine.notices.targetLifecycleState = 'Terminated';
  }
}
