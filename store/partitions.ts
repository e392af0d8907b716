import { hash } from 'node:crypto';
import type { JobState } from '../jobs/record.ts';

/**
 * Partitions of the jobs of one state. DynamoDB takes 1,000 writes a second per partition key value ("Best practices for
 * designing and using partition keys effectively").
 */
const SHARDS = 8;

/** The states of jobs that are listed by their state. A running job is listed by its instance. */
export type ListedState = Exclude<JobState, 'running'>;

/** The partition of a job that does not run. */
export function statePartition(state: JobState, id: string): string {
  return `${state}#${Number.parseInt(hash('sha1', id).slice(0, 2), 16) % SHARDS}`;
}

/** All partitions of a state. */
export function statePartitions(state: ListedState): string[] {
  return Array.from({ length: SHARDS }, (_, shard) => `${state}#${shard}`);
}

/** The partition of what runs on an instance. */
export function runningPartition(instance: string): string {
  return `running#${instance}`;
}

/** The sort key of a job: the time when it was enqueued, then its number in a run. */
export function listingSortKey(enqueuedAt: string, id: string): string {
  return `${enqueuedAt}#${id.replace(/-(\d+)$/, (_, number: string) => `-${number.padStart(9, '0')}`)}`;
}
