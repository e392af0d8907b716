import { type Group, type GroupInstance, isTerminating, type WarmPool } from './group.ts';

/** How many instances are to wait ("PutWarmPool", `MaxGroupPreparedCapacity` and `MinSize`). */
export function sizeWanted({ maxSize, desiredCapacity, warmPool }: Group): number {
  if (!warmPool || warmPool.deleting) return 0;
  const { minSize, maxPrepared = maxSize } = warmPool;
  return Math.max(minSize, maxPrepared - desiredCapacity);
}

/** How many instances wait, or are on their way into the pool. */
export function sizeOf(pool: WarmPool): number {
  return pool.requested.size + staying(pool).length;
}

/** Which instance the group draws: one that waits, in this zone if there is one. */
export function nextDrawn(pool: WarmPool | undefined, zone: string): GroupInstance | undefined {
  const waiting = pool ? staying(pool).filter(({ state }) => !state.includes('Pending')) : [];
  return waiting.find((one) => one.zone === zone) ?? waiting[0];
}

export function isEmpty({ instances, requested }: WarmPool): boolean {
  return instances.size === 0 && requested.size === 0;
}

function staying({ instances }: WarmPool): GroupInstance[] {
  return [...instances.values()].filter((one) => !isTerminating(one));
}
