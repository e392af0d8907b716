import { hash } from 'node:crypto';
import type { JobState } from '../jobs/record.ts';

/**
 * Parts into which the jobs of a state are divided. DynamoDB takes 1,000 writes a second for one value of a partition key
 * ("Best practices for designing and using partition keys effectively").
 */
const SHARDS = 8;

/** Where jobs stand in the index: those that do not run. */
export type ListedState = Exclude<JobState, 'running'>;

/** The partition of a job that does not run. */
export function listedOf(state: JobState, id: string): string {
  return `${state}#${Number.parseInt(hash('sha1', id).slice(0, 2), 16) % SHARDS}`;
}

/** All partitions of a state. */
export function partitionsOf(state: ListedState): string[] {
  return Array.from({ length: SHARDS }, (_, shard) => `${state}#${shard}`);
}

/** The partition of what runs on an instance. */
export function runningOf(instance: string): string {
  return `running#${instance}`;
}

/** The place of a job in its partition: by when it was enqueued; jobs of one moment by their numbers in a run. */
export function listedAtOf(enqueuedAt: string, id: string): string {
  return `${enqueuedAt}#${id.replace(/-(\d+)$/, (_, number: string) => `-${number.padStart(9, '0')}`)}`;
}
