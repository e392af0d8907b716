import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { expiryOfQueued } from './expiry.ts';
import { fromItem, type ItemValue } from './item.ts';
import { FLEET_KEY, itemKey } from './keys.ts';
import { updateExpression } from './update-expression.ts';

/** The item `fleet` of the table: what the keeper keeps from run to run, and what operators requested. */
const FleetStateSchema = v.object({
  /** Since when the backlog has been at the threshold. */
  backlogSinceMs: v.optional(v.number()),
  /** Since when the desired capacity has been higher than needed though no job waits: see `judgeDemand`. */
  unneededSinceMs: v.optional(v.number()),
  /** Since when jobs have waited and no instance has started one: see `stalledSince`. */
  stalledSinceMs: v.optional(v.number()),
  /** When the scaling policy was executed last. */
  wokenAtMs: v.optional(v.number()),
  /** When the keeper lowered the desired capacity last. */
  loweredAtMs: v.optional(v.number()),
  /** Since when the boot breaker has been open. */
  trippedAtMs: v.optional(v.number()),
  /** When the fleet was resumed last. Boots that failed before do not count. */
  resumedAtMs: v.optional(v.number()),
  /** When an operator paused the fleet: no instance is launched, and agents take no new job. */
  pausedAtMs: v.optional(v.number()),
  /** The state of the boot breaker that the keeper reported to CloudWatch last, in a run without a failure. */
  breakerReported: v.optional(v.picklist(['open', 'closed'])),
  /** The keeper has reported held jobs or stopped groups to CloudWatch, and not yet that there are none any more. */
  groupsReported: v.optional(v.boolean()),
  /**
   * Every record written since then is in the index `byState`. 0: all records are. Absent: it is unknown, or an agent of an
   * earlier version still runs.
   */
  listedSinceMs: v.optional(v.number()),
  /**
   * `keptAtMs` of the last run of a keeper that knows this index. If it differs, a keeper of an earlier version ran
   * since.
   */
  keptWithIndexAtMs: v.optional(v.number()),
  /** When the keeper ran last, and what failed in that run. */
  keptAtMs: v.optional(v.number()),
  keeperFailure: v.optional(v.string()),
});

export type FleetState = v.InferOutput<typeof FleetStateSchema>;

const KEY = itemKey(FLEET_KEY);

/** Without an item the state is empty. */
export async function readFleetState(
  db: DynamoDBClient,
  table: string,
  abortSignal?: AbortSignal,
): Promise<FleetState> {
  const { Item } = await db.send(
    new GetItemCommand({ TableName: table, Key: KEY, ConsistentRead: true }),
    abortSignal && { abortSignal },
  );
  return v.parse(FleetStateSchema, fromItem(Item ?? {}));
}

/**
 * Whether all records of jobs are in the index `byState`: they always were, or those that were written before have expired.
 * After a rollback the keeper of an earlier version runs again, and the answer is false.
 *
 * @param recordSeconds how long a record outlives its job's end
 */
export function isIndexComplete(state: FleetState, recordSeconds: number, nowMs: number): boolean {
  const { listedSinceMs, keptAtMs, keptWithIndexAtMs } = state;
  if (listedSinceMs === undefined || keptAtMs !== keptWithIndexAtMs) return false;
  return listedSinceMs === 0 || nowMs / 1000 > expiryOfQueued(listedSinceMs, recordSeconds);
}

export type FleetStateChanges = { [Key in keyof FleetState]: FleetState[Key] | undefined };

/** Sets what has a value and removes what is undefined. The rest stays. */
export async function updateFleetState(
  db: DynamoDBClient,
  table: string,
  changes: FleetStateChanges,
): Promise<void> {
  const set: Record<string, ItemValue | undefined> = { fleet: true, ...changes };
  const remove = Object.keys(changes).filter((key) => set[key] === undefined);
  await db.send(new UpdateItemCommand({ TableName: table, Key: KEY, ...updateExpression({ set, remove }) }));
}
