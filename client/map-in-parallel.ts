/** Most tasks in progress at the same time. */
const CONCURRENCY = 16;

/**
 * Runs a task for each item, at most 16 at the same time. Resolves in the order of the items. Rejects with the first
 * failure.
 */
export async function mapInParallel<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const work = async () => {
    for (const [index, item] of queue) results[index] = await task(item);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return results;
}
