import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import type { JobView, ListOptions } from '../../client/index.ts';
import { toItem } from '../../store/item.ts';
import { type ListedState, listingSortKey, statePartition } from '../../store/partitions.ts';
import type { BareFleet } from './bare-fleet.ts';

export const START_MS = Date.now() - 14 * 86_400_000;
/** One of this number of jobs failed. */
export const FAILED = 10;

/** Writes the records of ended jobs with the numbers `from` to `to`. Each was enqueued a second after the one before. */
export async function writeEnded({ fleet }: BareFleet, from: number, to: number, body = ''): Promise<void> {
  const { dynamodb } = fleet.context.clients;
  for (let number = from; number < to; number += 100) {
    const batches = [0, 25, 50, 75].map((offset) =>
      Array.from({ length: 25 }, (_, index) => ({
        PutRequest: { Item: itemOf(number + offset + index, body) },
      })),
    );
    await Promise.all(
      batches.map((jobs) => dynamodb.send(new BatchWriteItemCommand({ RequestItems: { jobs } }))),
    );
  }
}

function itemOf(number: number, body: string) {
  const id = `j-${number}`;
  const state: ListedState = number % FAILED === 0 ? 'failed' : 'succeeded';
  const enqueuedAt = new Date(START_MS + number * 1000).toISOString();
  const place = { listed: statePartition(state, id), listedAt: listingSortKey(enqueuedAt, id) };
  return toItem({ pk: `job#${id}`, id, state, attempts: 1, enqueuedAt, ...place, body });
}

/** The requests to the table that a list makes, and its notices. */
export async function readsOf({ cloud, fleet }: BareFleet, options: ListOptions) {
  const actions: string[] = [];
  const notices: string[] = [];
  const stop = cloud.onCall(({ service, action }) => {
    if (service === 'dynamodb') actions.push(action);
  });
  const jobs = await fleet.list({ ...options, onNotice: (sentence) => notices.push(sentence) });
  stop();
  return { jobs, actions: actions.toSorted(), notices };
}

export const numbersOf = (jobs: readonly JobView[]) => jobs.map(({ id }) => Number(id.slice(2)));
