import { randomUUID } from 'node:crypto';
import type { CloudClock } from '../../clock.ts';
import { AwsError } from '../../front-door/service.ts';
import {
  allInstances,
  type Group,
  type GroupInstance,
  type Hook,
  type HookResult,
  type HookTransition,
  type LifecycleAction,
} from './group.ts';

/** "The maximum amount of time that you can keep an instance in a wait state is 48 hours or 100 heartbeats." */
export function globalTimeoutSeconds(hook: Hook): number {
  return Math.min(48 * 3600, 100 * hook.heartbeatSeconds);
}

/** Lifecycle actions. An instance waits until all hooks of its transition are complete, or one is abandoned. */
export class LifecycleActions {
  readonly #clock: CloudClock;

  constructor(clock: CloudClock) {
    this.#clock = clock;
  }

  /**
   * Starts the actions of a transition. Calls `done` once: with ABANDON as soon as one hook is abandoned, or with
   * CONTINUE when all are complete, at once if there are none. `cancel` stops the actions.
   *
   * Time-outs are real time, also on a sped-up clock: programs send the heartbeats that answer them, and this clock
   * does not speed up their timers.
   */
  start(
    group: Group,
    instance: GroupInstance,
    transition: HookTransition,
    done: (result: HookResult) => void,
  ): void {
    const hooks = [...group.hooks.values()].filter((hook) => hook.transition === transition);
    if (hooks.length === 0) {
      done('CONTINUE');
      return;
    }
    instance.done = done;
    for (const hook of hooks) {
      const since = this.#clock.now();
      const wait: LifecycleAction = { hook, token: randomUUID(), since, cancel: () => {} };
      instance.waits.set(hook.name, wait);
      this.#arm(instance, wait);
    }
  }

  /** @throws `ValidationError` unless the instance is waiting for that hook. */
  complete(instance: GroupInstance, wait: LifecycleAction, result: HookResult): void {
    wait.cancel();
    instance.waits.delete(wait.hook.name);
    if (result === 'CONTINUE' && instance.waits.size > 0) return;
    const { done } = instance;
    this.cancel(instance);
    done?.(result);
  }

  /** Restarts the time-out, up to the global maximum. */
  heartbeat(instance: GroupInstance, wait: LifecycleAction): void {
    wait.cancel();
    this.#arm(instance, wait);
  }

  /** Cancels the actions of an instance. */
  cancel(instance: GroupInstance): void {
    for (const wait of instance.waits.values()) wait.cancel();
    instance.waits.clear();
    instance.done = undefined;
  }

  #arm(instance: GroupInstance, wait: LifecycleAction): void {
    const { hook } = wait;
    const latest = wait.since + globalTimeoutSeconds(hook) * 1000;
    const left = Math.min(hook.heartbeatSeconds * 1000, Math.max(0, latest - this.#clock.now()));
    wait.cancel = this.#clock.after(left * this.#clock.speed, () => {
      this.complete(instance, wait, hook.defaultResult);
    });
  }
}

/** Finds the action that a call names: by hook and instance, or by hook and token. */
export function findAction(
  group: Group,
  hookName: string,
  by: { instanceId?: string | undefined; token?: string | undefined },
): { instance: GroupInstance; wait: LifecycleAction } {
  for (const instance of allInstances(group)) {
    const wait = instance.waits.get(hookName);
    if (!wait) continue;
    if (by.token === undefined ? instance.id === by.instanceId : wait.token === by.token) {
      return { instance, wait };
    }
  }
  const what = by.token === undefined ? `instance ID ${by.instanceId}` : `token ${by.token}`;
  throw new AwsError('ValidationError', `No active Lifecycle Action found with ${what}`);
}
