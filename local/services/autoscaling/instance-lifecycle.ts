import type { CloudContext } from '../../front-door/service.ts';
import type { Ec2 } from '../ec2/ec2.ts';
import { type Ec2Instance, isInState } from '../ec2/ec2-instance.ts';
import type { Activities } from './activities.ts';
import {
  allInstances,
  type Group,
  type GroupInstance,
  isLaunching,
  isPooled,
  isTerminating,
  type LifecycleState,
  type ScalingActivity,
} from './group.ts';
import type { Groups } from './groups.ts';
import type { LifecycleActions } from './lifecycle-actions.ts';

export interface InstanceLifecycleParts {
  groups: Groups;
  activities: Activities;
  lifecycle: LifecycleActions;
  ec2: Ec2;
}

/** Reports what happens to instances to the class that keeps the group's capacity. */
export interface InstanceLifecycleListener {
  inService(group: Group, instance: GroupInstance): void;
  /** The instance has entered the warm pool. */
  enteredWarmPool(group: Group): void;
  /** The EC2 instance stopped running, and the group had not ended it. */
  lost(group: Group, instance: GroupInstance): void;
  terminated(group: Group): void;
}

/**
 * Moves instances through their states: Pending, its hooks, InService; Terminating, its hooks, terminated. In the warm
 * pool they pass the same states, and are stopped or run until they are drawn. State changes of EC2 trigger the moves.
 */
export class InstanceLifecycle {
  readonly #context: CloudContext;
  readonly #groups: Groups;
  readonly #activities: Activities;
  readonly #lifecycle: LifecycleActions;
  readonly #ec2Instances: Ec2['instances'];
  readonly #listener: InstanceLifecycleListener;
  readonly #stopListening: () => void;

  constructor(context: CloudContext, parts: InstanceLifecycleParts, listener: InstanceLifecycleListener) {
    this.#context = context;
    this.#groups = parts.groups;
    this.#activities = parts.activities;
    this.#lifecycle = parts.lifecycle;
    this.#ec2Instances = parts.ec2.instances;
    this.#listener = listener;
    this.#stopListening = this.#ec2Instances.onStateChange((ec2Instance) => this.#onStateChange(ec2Instance));
  }

  close(): void {
    this.#stopListening();
    for (const group of this.#groups.all()) {
      for (const instance of allInstances(group)) this.#lifecycle.cancel(instance);
    }
  }

  /** Adds an instance that EC2 has launched. The EC2 instance may already be running, or have ended. */
  add(group: Group, instance: GroupInstance): void {
    const { warmPool } = group;
    const into = isPooled(instance) ? ' into warm pool' : '';
    instance.activity.description = `Launching a new EC2 instance${into}: ${instance.id}`;
    membersFor(group, instance)?.set(instance.id, instance);
    const ec2Instance = this.#ec2Instances.get(instance.id);
    ec2Instance.notices.targetLifecycleState = into && warmPool ? `Warmed:${warmPool.state}` : 'InService';
    this.#onStateChange(ec2Instance);
  }

  /** Takes an instance out of the warm pool and starts its way into service. */
  draw(group: Group, instance: GroupInstance, activity: ScalingActivity): void {
    group.warmPool?.instances.delete(instance.id);
    group.instances.set(instance.id, instance);
    activity.description = `Launching a new EC2 instance from warm pool: ${instance.id}`;
    instance.activity = activity;
    instance.state = 'Pending';
    const ec2Instance = this.#ec2Instances.get(instance.id);
    ec2Instance.notices.targetLifecycleState = 'InService';
    this.#ec2Instances.start(ec2Instance);
    this.#onStateChange(ec2Instance);
  }

  /** Starts the termination of an instance. Has no effect on one that is terminating. */
  terminate(group: Group, instance: GroupInstance, cause: string): ScalingActivity {
    if (isTerminating(instance)) return instance.activity;
    if (isLaunching(instance)) this.#activities.end(instance.activity, 'Cancelled');
    this.#lifecycle.cancel(instance);
    const [from, warmed] = isPooled(instance)
      ? ([' from warm pool', 'Warmed:'] as const)
      : (['', ''] as const);
    const description = `Terminating EC2 instance${from}: ${instance.id}`;
    const details = { 'Availability Zone': instance.zone };
    const activity = this.#activities.start(group, description, cause, 'InProgress', details);
    instance.activity = activity;
    instance.state = `${warmed}Terminating`;
    this.#ec2Instances.get(instance.id).notices.targetLifecycleState = `${warmed}Terminated`;
    this.#lifecycle.start(group, instance, 'autoscaling:EC2_INSTANCE_TERMINATING', () =>
      this.#end(group, instance),
    );
    this.#showWaiting(instance, `${warmed}Terminating:Wait`);
    return activity;
  }

  /** Terminates without hooks, also an instance that waits for one. */
  terminateAtOnce(group: Group, instance: GroupInstance, cause: string): void {
    this.terminate(group, instance, cause);
    if (instance.waits.size === 0) return;
    this.#lifecycle.cancel(instance);
    this.#end(group, instance);
  }

  /** Whether the EC2 instance is ending or has ended, and the group did not end it. */
  isLost(instance: GroupInstance): boolean {
    if (isTerminating(instance)) return false;
    const ec2Instance = this.#ec2Instances.get(instance.id);
    if (instance.state === 'Warmed:Pending:Proceed') return !isInState(ec2Instance, 'stopping', 'stopped');
    if (instance.state === 'Warmed:Stopped') return !isInState(ec2Instance, 'stopped');
    return !isInState(ec2Instance, 'pending', 'running');
  }

  #onStateChange(ec2Instance: Ec2Instance): void {
    const found = this.#groups.findInstance(ec2Instance.id);
    if (!found) return;
    const { group, instance } = found;
    const { state } = instance;
    if (ec2Instance.state === 'running' && (state === 'Pending' || state === 'Warmed:Pending')) {
      this.#onRunning(group, instance);
    } else if (ec2Instance.state === 'stopped' && state === 'Warmed:Pending:Proceed') {
      this.#wait(group, instance, 'Warmed:Stopped');
    } else if (ec2Instance.state === 'terminated' && state.endsWith('Terminating:Proceed')) {
      this.#onTerminated(group, instance);
    } else if (this.isLost(instance)) this.#listener.lost(group, instance);
  }

  #onRunning(group: Group, instance: GroupInstance): void {
    this.#lifecycle.start(group, instance, 'autoscaling:EC2_INSTANCE_LAUNCHING', (result) => {
      if (result === 'CONTINUE' && isPooled(instance)) this.#enterPool(group, instance);
      else if (result === 'CONTINUE') this.#enterService(group, instance);
      else {
        const what = 'an instance was taken out of service in response to an abandoned lifecycle action';
        this.terminate(group, instance, this.#activities.formatCause(what));
        this.#listener.terminated(group);
      }
    });
    this.#showWaiting(instance, isPooled(instance) ? 'Warmed:Pending:Wait' : 'Pending:Wait');
  }

  #enterPool(group: Group, instance: GroupInstance): void {
    const ec2Instance = this.#ec2Instances.get(instance.id);
    if (ec2Instance.notices.targetLifecycleState === 'Warmed:Running') {
      this.#wait(group, instance, 'Warmed:Running');
      return;
    }
    instance.state = 'Warmed:Pending:Proceed';
    instance.activity.status = 'InProgress';
    this.#ec2Instances.stop(ec2Instance);
  }

  #wait(group: Group, instance: GroupInstance, state: 'Warmed:Stopped' | 'Warmed:Running'): void {
    instance.state = state;
    this.#activities.end(instance.activity, 'Successful');
    this.#listener.enteredWarmPool(group);
  }

  #enterService(group: Group, instance: GroupInstance): void {
    instance.state = 'InService';
    instance.inServiceAt = this.#context.clock.now();
    this.#activities.end(instance.activity, 'Successful');
    this.#listener.inService(group, instance);
  }

  #end(group: Group, instance: GroupInstance): void {
    instance.state = isPooled(instance) ? 'Warmed:Terminating:Proceed' : 'Terminating:Proceed';
    instance.activity.status = 'InProgress';
    const ec2Instance = this.#ec2Instances.get(instance.id);
    if (ec2Instance.state === 'terminated') {
      this.#onTerminated(group, instance);
      return;
    }
    // Termination protection does not apply to Auto Scaling.
    ec2Instance.terminationProtection = false;
    const input = { InstanceIds: [ec2Instance.id] };
    this.#context
      .call('ec2', 'TerminateInstances', input)
      .catch(() => this.#ec2Instances.terminate(ec2Instance));
  }

  #onTerminated(group: Group, instance: GroupInstance): void {
    membersFor(group, instance)?.delete(instance.id);
    this.#activities.end(instance.activity, 'Successful');
    this.#listener.terminated(group);
  }

  #showWaiting(instance: GroupInstance, state: Extract<LifecycleState, `${string}:Wait`>): void {
    if (instance.waits.size === 0) return;
    instance.state = state;
    instance.activity.status = 'MidLifecycleAction';
  }
}

/** The members that an instance belongs to: those of the group, or of its warm pool. */
function membersFor(group: Group, instance: GroupInstance): Group['instances'] | undefined {
  return isPooled(instance) ? group.warmPool?.instances : group.instances;
}
