import { AwsError, type Input } from '../../front-door/service.ts';
import type { Queue } from './queue.ts';

/** "PurgeQueue": only one is allowed in 60 seconds. */
const PERIOD_MS = 60_000;

/** PurgeQueue, which remembers when each queue was emptied last. Queues are not hurried: it is by the real time. */
export function createPurge(): (queue: Queue) => Promise<Input> {
  const lastMs = new Map<string, number>();
  return async (queue) => {
    const nowMs = performance.now();
    const last = lastMs.get(queue.name);
    if (last !== undefined && nowMs - last < PERIOD_MS) {
      const message = `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`;
      throw new AwsError('PurgeQueueInProgress', message, 403);
    }
    await queue.ask('PurgeQueue', {});
    lastMs.set(queue.name, nowMs);
    return {};
  };
}
