import type { CloudContext } from '../../front-door/service.ts';
import { type Activities, CAPACITY_DIFFERENCE } from './activities.ts';
import {
  actualCapacity,
  allInstances,
  type Group,
  type GroupInstance,
  isLaunching,
  isPooled,
  isTerminating,
  type ScalingActivity,
  type WarmPool,
} from './group.ts';
import type { Groups } from './groups.ts';
import { InstanceLifecycle, type InstanceLifecycleParts } from './instance-lifecycle.ts';
import { Launches } from './launches.ts';
import { findImbalance, selectForScaleIn, selectZone } from './selection.ts';
import { isWarmPoolEmpty, selectDrawn } from './warm-pool.ts';
import { WarmPools } from './warm-pools.ts';

const REPLACEMENT = 'in response to an unhealthy instance needing to be replaced';
const BALANCING = "to aid in balancing the group's zones";

/** Brings groups to their desired capacity and keeps them at it. */
export class Scaler {
  readonly #groups: Groups;
  readonly #activities: Activities;
  readonly #lives: InstanceLifecycle;
  readonly #launches: Launches;
  readonly #warmPools: WarmPools;
  #closed = false;

  constructor(context: CloudContext, parts: InstanceLifecycleParts) {
    this.#groups = parts.groups;
    this.#activities = parts.activities;
    this.#lives = new InstanceLifecycle(context, parts, {
      inService: (group, instance) => this.#onInService(group, instance),
      enteredWarmPool: (group) => this.reconcile(group),
      lost: (group, instance) => this.#onLost(group, instance),
      terminated: (group) => this.reconcile(group),
    });
    this.#launches = new Launches(context, parts.activities, {
      launched: (group, instance) => this.#onLaunched(group, instance),
      resumed: (group) => this.reconcile(group),
    });
    this.#warmPools = new WarmPools(parts.activities, this.#launches, this.#lives);
  }

  close(): void {
    this.#closed = true;
    this.#lives.close();
    for (const group of this.#groups.all()) group.launchPause?.();
  }

  /** Sets the desired capacity. `what` says who did. */
  setDesired(group: Group, desired: number, what: string): void {
    if (desired !== group.desiredCapacity) {
      const change = `changing the desired capacity from ${group.desiredCapacity} to ${desired}`;
      group.reasons.push(this.#activities.formatCause(`${what} ${change}`));
      group.desiredCapacity = desired;
    }
    this.reconcile(group);
  }

  /** Launches or terminates instances to reach the desired capacity, unless the process is suspended. */
  reconcile(group: Group): void {
    if (this.#closed) return;
    if (group.deleting) {
      const { instances, requested, warmPool } = group;
      const isOver = instances.size === 0 && requested.size === 0 && (!warmPool || isWarmPoolEmpty(warmPool));
      if (isOver) this.#groups.remove(group);
      return;
    }
    this.#checkHealth(group);
    this.#replaceUnhealthy(group);
    const actual = actualCapacity(group);
    if (actual < group.desiredCapacity) this.#scaleOut(group);
    else if (actual > group.desiredCapacity) this.#scaleIn(group, actual);
    else {
      group.reasons = [];
      this.#rebalance(group);
    }
    this.#warmPools.fill(group);
  }

  /** Terminates an instance by request. */
  terminate(group: Group, instance: GroupInstance, cause: string): ScalingActivity {
    return this.#lives.terminate(group, instance, cause);
  }

  /** Terminates all instances of a group that is being deleted, without hooks, and then deletes the group. */
  empty(group: Group): void {
    group.deleting = true;
    group.launchPause?.();
    for (const instance of allInstances(group)) this.#endWithGroup(group, instance);
    this.reconcile(group);
  }

  /** Terminates the instances of a warm pool, at once or with their hooks, and then deletes the pool. */
  emptyWarmPool(group: Group, pool: WarmPool, atOnce: boolean): void {
    this.#warmPools.empty(group, pool, atOnce);
    this.reconcile(group);
  }

  /** Handles a failed health check, EC2's or one of the user. */
  markUnhealthy(group: Group, instance: GroupInstance, check: string): void {
    if (isTerminating(instance)) return;
    instance.health = 'Unhealthy';
    instance.failedCheck = check;
    this.reconcile(group);
  }

  #endWithGroup(group: Group, instance: GroupInstance): void {
    const cause = this.#activities.formatCause(
      'an instance was taken out of service as its group was deleted',
    );
    this.#lives.terminateAtOnce(group, instance, cause);
  }

  #checkHealth(group: Group): void {
    if (group.suspended.has('HealthCheck')) return;
    for (const instance of allInstances(group)) {
      if (instance.health === 'Unhealthy' || !this.#lives.isLost(instance)) continue;
      instance.health = 'Unhealthy';
      instance.failedCheck = 'an EC2 health check indicating it has been terminated or stopped';
    }
  }

  #replaceUnhealthy(group: Group): void {
    if (group.suspended.has('ReplaceUnhealthy') || group.suspended.has('Terminate')) return;
    for (const instance of allInstances(group)) {
      if (instance.health !== 'Unhealthy' || isTerminating(instance)) continue;
      if (!isPooled(instance)) group.replacements += 1;
      const what = `an instance was taken out of service in response to ${instance.failedCheck}`;
      this.#lives.terminate(group, instance, this.#activities.formatCause(what));
    }
  }

  #scaleOut(group: Group): void {
    if (group.suspended.has('Launch')) return;
    // Counted again each time: an instance that is drawn running may be in service at once, which reconciles the group.
    for (let have = actualCapacity(group); have < group.desiredCapacity; have = actualCapacity(group)) {
      const zone = selectZone(group);
      const drawn = selectDrawn(group.warmPool, zone);
      if (!drawn && group.launchPause) return;
      const replacing = group.replacements > 0 && group.reasons.length === 0;
      if (group.replacements > 0) group.replacements -= 1;
      const why = replacing
        ? `an instance was launched ${REPLACEMENT}`
        : `an instance was started ${CAPACITY_DIFFERENCE}, increasing the capacity from ${have} to ${have + 1}`;
      const cause = this.#because(group, why);
      if (drawn) this.#lives.draw(group, drawn, this.#launches.activity(group, cause, drawn.zone));
      else void this.#launches.launch(group, cause, { zone });
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
      const taken = this.#because(
        group,
        `an instance was taken out of service ${CAPACITY_DIFFERENCE}, ${shrinking}`,
      );
      const selected = this.#activities.formatCause(`instance ${instance.id} was selected for termination`);
      this.#lives.terminate(group, instance, `${taken}  ${selected}`);
    }
    group.reasons = [];
  }

  /** "Rebalancing activities": the old instance is terminated when the new one is in service. */
  #rebalance(group: Group): void {
    const still = [...group.instances.values()].every((one) => one.state === 'InService');
    const suspended = (['AZRebalance', 'Launch', 'Terminate'] as const).some((p) => group.suspended.has(p));
    const found = still && !suspended && group.requested.size === 0 ? findImbalance(group) : undefined;
    if (!found) return;
    const cause = this.#activities.formatCause(`an instance was launched ${BALANCING}`);
    void this.#launches.launch(group, cause, { zone: found.to, balancing: true });
  }

  #because(group: Group, what: string): string {
    return [...group.reasons, this.#activities.formatCause(what)].join('  ');
  }

  #onLaunched(group: Group, instance: GroupInstance): void {
    this.#lives.add(group, instance);
    // The group or its warm pool may have been deleted during the call to EC2.
    if (group.deleting) this.#endWithGroup(group, instance);
    else if (isPooled(instance)) this.#warmPools.fill(group);
  }

  #onInService(group: Group, instance: GroupInstance): void {
    if (instance.balancing && actualCapacity(group) > group.desiredCapacity) {
      this.#endUnbalancing(group, instance);
    }
    this.reconcile(group);
  }

  /** After a rebalancing launch, terminates an instance of the zone that has more. */
  #endUnbalancing(group: Group, arrived: GroupInstance): void {
    if (group.suspended.has('Terminate') || group.suspended.has('AZRebalance')) return;
    const found = selectForScaleIn(group);
    if (!found || found.zone === arrived.zone) return;
    const cause = this.#activities.formatCause(`an instance was taken out of service ${BALANCING}`);
    this.#lives.terminate(group, found, cause);
  }

  /** Replaces an instance that ended before it was in service after a pause, as the next one may end as fast. */
  #onLost(group: Group, instance: GroupInstance): void {
    if (isLaunching(instance) && !group.launchPause) this.#launches.pause(group);
    this.reconcile(group);
  }
}
