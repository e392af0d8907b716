import { AwsError, type Input } from '../../front-door/service.ts';
import type { Queue } from './queue.ts';

/** "PurgeQueue": one is allowed every 60 seconds. */
const PERIOD_MS = 60_000;

/** PurgeQueue, with the time of each queue's last purge. The cloud's speed does not apply: it is real time. */
export function createPurge(): (queue: Queue) => Promise<Input> {
  const lastMs = new Map<string, number>();
  return async (queue) => {
    const nowMs = performance.now();
    const last = lastMs.get(queue.name);
    if (last !== undefined && nowMs - last < PERIOD_MS) {
      const message = `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`;
      throw new AwsError('PurgeQueueInProgress', message, 403);
    }
    await queue.call('PurgeQueue', {});
    lastMs.set(queue.name, nowMs);
    return {};
  };
}
