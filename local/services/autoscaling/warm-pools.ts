import { type Activities, CAPACITY_DIFFERENCE } from './activities.ts';
import type { Group, WarmPool } from './group.ts';
import type { InstanceLifecycle } from './instance-lifecycle.ts';
import type { Launches } from './launches.ts';
import { selectSurplusWarm, selectZone } from './selection.ts';
import { isWarmPoolEmpty, wantedWarmPoolSize, warmPoolSize } from './warm-pool.ts';

/** Keeps warm pools at their wanted size. */
export class WarmPools {
  readonly #activities: Activities;
  readonly #launches: Launches;
  readonly #lives: InstanceLifecycle;

  constructor(activities: Activities, launches: Launches, lives: InstanceLifecycle) {
    this.#activities = activities;
    this.#launches = launches;
    this.#lives = lives;
  }

  /** Launches or terminates instances to reach the wanted size, unless the process is suspended. */
  fill(group: Group): void {
    const pool = group.warmPool;
    if (!pool) return;
    const mayLaunch = !group.suspended.has('Launch') && !group.launchPause;
    for (
      let size = warmPoolSize(pool);
      mayLaunch && size < wantedWarmPoolSize(group);
      size = warmPoolSize(pool)
    ) {
      this.#launch(group, pool, size);
    }
    if (!group.suspended.has('Terminate')) this.#endSurplus(group, pool);
    if (pool.deleting && isWarmPoolEmpty(pool)) group.warmPool = undefined;
  }

  /** Terminates the instances of a pool, at once or with their hooks. */
  empty(group: Group, pool: WarmPool, atOnce: boolean): void {
    pool.deleting = true;
    const cause = this.#activities.formatCause('an instance was terminated as its warm pool was deleted');
    for (const instance of pool.instances.values()) {
      if (atOnce) this.#lives.terminateAtOnce(group, instance, cause);
      else this.#lives.terminate(group, instance, cause);
    }
  }

  #launch(group: Group, pool: WarmPool, size: number): void {
    const growing = `increasing the capacity of the warm pool from ${size} to ${size + 1}`;
    const cause = this.#activities.formatCause(`an instance was started ${CAPACITY_DIFFERENCE}, ${growing}`);
    void this.#launches.launch(group, cause, { zone: selectZone(group, pool), pool });
  }

  #endSurplus(group: Group, pool: WarmPool): void {
    for (let size = warmPoolSize(pool); size > wantedWarmPoolSize(group); size = warmPoolSize(pool)) {
      const surplus = selectSurplusWarm(group, pool);
      if (!surplus) return;
      const shrinking = `shrinking the capacity of the warm pool from ${size} to ${size - 1}`;
      const what = `an instance was taken out of the warm pool ${CAPACITY_DIFFERENCE}, ${shrinking}`;
      this.#lives.terminate(group, surplus, this.#activities.formatCause(what));
    }
  }
}
