/** Calls under way at the same time, for many jobs. */
const AT_ONCE = 16;

/** Runs a task for each item, some at the same time. Results are in the order of the items; rejects with the first failure. */
export async function each<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const work = async () => {
    for (const [index, item] of queue) results[index] = await task(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}
