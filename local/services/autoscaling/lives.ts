import type { CloudContext } from '../../front-door/service.ts';
import type { Ec2 } from '../ec2/ec2.ts';
import { is, type Machine } from '../ec2/machine.ts';
import type { Activities } from './activities.ts';
import { type Activity, type Group, type GroupInstance, isLaunching, isTerminating } from './group.ts';
import type { Groups } from './groups.ts';
import type { Lifecycle } from './lifecycle.ts';

export interface LivesParts {
  groups: Groups;
  activities: Activities;
  lifecycle: Lifecycle;
  ec2: Ec2;
}

/** What becomes of an instance, for whoever keeps the group's capacity. */
export interface LivesListener {
  inService(group: Group, instance: GroupInstance): void;
  /** Its machine is not running any more, and nobody here had ended it. */
  lost(group: Group, instance: GroupInstance): void;
  gone(group: Group): void;
}

/**
 * Takes instances through their states: Pending, its hooks, InService; Terminating, its hooks, gone. Events of EC2
 * move them on.
 */
export class Lives {
  readonly #context: CloudContext;
  readonly #groups: Groups;
  readonly #activities: Activities;
  readonly #lifecycle: Lifecycle;
  readonly #machines: Ec2['machines'];
  readonly #listener: LivesListener;
  readonly #stopListening: () => void;

  constructor(context: CloudContext, parts: LivesParts, listener: LivesListener) {
    this.#context = context;
    this.#groups = parts.groups;
    this.#activities = parts.activities;
    this.#lifecycle = parts.lifecycle;
    this.#machines = parts.ec2.machines;
    this.#listener = listener;
    this.#stopListening = this.#machines.onStateChange((machine) => this.#onMachine(machine));
  }

  close(): void {
    this.#stopListening();
    for (const group of this.#groups.all()) {
      for (const instance of group.instances.values()) this.#lifecycle.cancel(instance);
    }
  }

  /** Begins the life of an instance that EC2 has launched. Its machine may be up by now, or have gone. */
  begin(group: Group, instance: GroupInstance): void {
    instance.activity.description = `Launching a new EC2 instance: ${instance.id}`;
    group.instances.set(instance.id, instance);
    const machine = this.#machines.get(instance.id);
    machine.notices.targetLifecycleState = 'InService';
    this.#onMachine(machine);
  }

  /** Puts an instance on its way out. One that is on it stays there. */
  terminate(group: Group, instance: GroupInstance, cause: string): Activity {
    if (isTerminating(instance)) return instance.activity;
    if (isLaunching(instance)) this.#activities.end(instance.activity, 'Cancelled');
    this.#lifecycle.cancel(instance);
    const description = `Terminating EC2 instance: ${instance.id}`;
    const details = { 'Availability Zone': instance.zone };
    const activity = this.#activities.start(group, description, cause, 'InProgress', details);
    instance.activity = activity;
    instance.state = 'Terminating';
    this.#machines.get(instance.id).notices.targetLifecycleState = 'Terminated';
    this.#lifecycle.start(group, instance, 'autoscaling:EC2_INSTANCE_TERMINATING', () =>
      this.#end(group, instance),
    );
    this.#showWaiting(instance, 'Terminating:Wait');
    return activity;
  }

  /** The same without hooks, also for an instance that waits for one. */
  terminateAtOnce(group: Group, instance: GroupInstance, cause: string): void {
    this.terminate(group, instance, cause);
    if (instance.state !== 'Terminating:Wait') return;
    this.#lifecycle.cancel(instance);
    this.#end(group, instance);
  }

  /** Whether the instance's machine is on its way out, or gone, without the group's doing. */
  isLost(instance: GroupInstance): boolean {
    return !isTerminating(instance) && !is(this.#machines.get(instance.id), 'pending', 'running');
  }

  #onMachine(machine: Machine): void {
    const found = this.#groups.findInstance(machine.id);
    if (!found) return;
    const { group, instance } = found;
    if (machine.state === 'running' && instance.state === 'Pending') this.#onRunning(group, instance);
    else if (machine.state === 'terminated' && instance.state === 'Terminating:Proceed') {
      this.#onTerminated(group, instance);
    } else if (this.isLost(instance)) this.#listener.lost(group, instance);
  }

  #onRunning(group: Group, instance: GroupInstance): void {
    this.#lifecycle.start(group, instance, 'autoscaling:EC2_INSTANCE_LAUNCHING', (result) => {
      if (result === 'CONTINUE') this.#enterService(group, instance);
      else {
        const what = 'an instance was taken out of service in response to an abandoned lifecycle action';
        this.terminate(group, instance, this.#activities.sentence(what));
        this.#listener.gone(group);
      }
    });
    this.#showWaiting(instance, 'Pending:Wait');
  }

  #enterService(group: Group, instance: GroupInstance): void {
    instance.state = 'InService';
    instance.inServiceAt = this.#context.clock.now();
    this.#activities.end(instance.activity, 'Successful');
    this.#listener.inService(group, instance);
  }

  #end(group: Group, instance: GroupInstance): void {
    instance.state = 'Terminating:Proceed';
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
    group.instances.delete(instance.id);
    this.#activities.end(instance.activity, 'Successful');
    this.#listener.gone(group);
  }

  #showWaiting(instance: GroupInstance, state: 'Pending:Wait' | 'Terminating:Wait'): void {
    if (instance.waits.size === 0) return;
    instance.state = state;
    instance.activity.status = 'MidLifecycleAction';
  }
}
