import type { JobRecord } from '../../jobs/record.ts';
import type { GroupState } from '../../policy/groups/state.ts';
import { GroupItems } from '../../store/group-items.ts';
import { IndexNotReadyError } from '../../store/index-pages.ts';
import { RequestItems } from '../../store/request-items.ts';
import type { FleetContext } from '../context.ts';
import { createJobIndex } from '../job-records.ts';
import { readIndexedJobs } from '../jobs/indexed-jobs.ts';
import type { JobGroups } from './check-input.ts';

/** Most groups, and most requests, that are read. */
const MOST = 1000;
/** Most held jobs that are looked at for one that is in no group. */
const MOST_HELD = 100;
/** A job gets its place right after its record. */
const YOUNG_MS = 15 * 60_000;

/**
 * Reads the groups and requests of which something is left to be done, and the records of the jobs that have lanes.
 *
 * @returns undefined if the fleet has no groups: it keeps no records of jobs, or an earlier version deployed it
 */
export async function readJobGroups(context: FleetContext): Promise<JobGroups | undefined> {
  const { clients, facts, isFromStack } = context;
  if (!facts.trackJobs || (isFromStack && facts.groups === undefined)) return undefined;
  const items = new GroupItems(clients.dynamodb, facts.table);
  const requestItems = new RequestItems(clients.dynamodb, facts.table);
  try {
    const [names, ids] = await Promise.all([
      take(items.busyNames(), MOST),
      take(requestItems.ids('live'), MOST),
    ]);
    const [groups, requests] = await Promise.all([items.readMany(names), requestItems.readMany(ids)]);
    const out = groups.flatMap((group) => Object.entries(group.out).map(([id, { job }]) => job ?? id));
    const records = await createJobIndex(context).getMany(out);
    const isPartial = names.length === MOST || ids.length === MOST;
    return { groups, requests, records, unplaced: await findUnplaced(context, groups), isPartial };
  } catch (error) {
    // The check of the table reports it.
    if (error instanceof IndexNotReadyError) return undefined;
    throw error;
  }
}

/** Jobs whose record was written by one who was cut off before the group was: nobody releases them. */
async function findUnplaced(context: FleetContext, groups: readonly GroupState[]): Promise<string[]> {
  const placed = new Set(
    groups.flatMap(({ out, plain }) => [...Object.keys(out), ...plain.jobs.map(({ id }) => id)]),
  );
  const withPlaces = new Set(groups.filter(({ plain }) => plain.stored > 0).map(({ name }) => name));
  const range = { state: 'held', beforeMs: context.clock.now() - YOUNG_MS } as const;
  const found: string[] = [];
  let seen = 0;
  for await (const job of readIndexedJobs(context, [range], {}, MOST_HELD)) {
    seen += 1;
    if (isUnplaced(job) && !placed.has(job.id) && !withPlaces.has(job.group ?? '')) found.push(job.id);
    if (seen === MOST_HELD) break;
  }
  return found;
}

/** The jobs of a request need no place: its group counts them. */
function isUnplaced({ state, release, placedAt, requestId, index, retryOf, stageOf }: JobRecord): boolean {
  const isOfRequest = requestId !== undefined && index !== undefined && retryOf === undefined;
  return state === 'held' && release === undefined && placedAt === undefined && !isOfRequest && !stageOf;
}

async function take<Item>(items: AsyncIterable<Item>, most: number): Promise<Item[]> {
  const taken: Item[] = [];
  for await (const item of items) if (taken.push(item) === most) break;
  return taken;
}
