import { type Group, type GroupInstance, isTerminating, type WarmPool } from './group.ts';

/** The wanted size of the warm pool ("PutWarmPool", `MaxGroupPreparedCapacity` and `MinSize`). */
export function wantedWarmPoolSize({ maxSize, desiredCapacity, warmPool }: Group): number {
  if (!warmPool || warmPool.deleting) return 0;
  const { minSize, maxPrepared = maxSize } = warmPool;
  return Math.max(minSize, maxPrepared - desiredCapacity);
}

/** The number of instances that are in the pool or being launched into it. */
export function warmPoolSize(pool: WarmPool): number {
  return pool.requested.size + staying(pool).length;
}

/** The instance that the group draws: one that is ready, in this zone if possible. */
export function selectDrawn(pool: WarmPool | undefined, zone: string): GroupInstance | undefined {
  const waiting = pool ? staying(pool).filter(({ state }) => !state.includes('Pending')) : [];
  return waiting.find((one) => one.zone === zone) ?? waiting[0];
}

export function isWarmPoolEmpty({ instances, requested }: WarmPool): boolean {
  return instances.size === 0 && requested.size === 0;
}

function staying({ instances }: WarmPool): GroupInstance[] {
  return [...instances.values()].filter((one) => !isTerminating(one));
}
