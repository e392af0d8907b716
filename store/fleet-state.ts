import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { expiryOfQueued } from './expiry.ts';
import { fromItem, type ItemValue } from './item.ts';
import { FLEET_KEY, itemKey } from './keys.ts';
import { updateExpression } from './update.ts';

/** The item `fleet` of the table: what the keeper remembers between two looks, and what an operator wants. */
const FleetStateSchema = v.object({
  /** Since when the backlog has been at the threshold. */
  backlogSinceMs: v.optional(v.number()),
  /** Since when the group has wanted more instances than there are though no job waits: see `judgeDemand`. */
  unneededSinceMs: v.optional(v.number()),
  /** Since when jobs have waited though no instance started one: see `stalledSince`. */
  stalledSinceMs: v.optional(v.number()),
  /** When the policy was executed last. */
  wokenAtMs: v.optional(v.number()),
  /** When the keeper lowered the desired capacity last. */
  loweredAtMs: v.optional(v.number()),
  /** The boot breaker is open since then. */
  trippedAtMs: v.optional(v.number()),
  /** When the fleet was resumed last: boots that failed before count no more. */
  resumedAtMs: v.optional(v.number()),
  /** An operator has paused the fleet: nothing is launched, and agents take no new job. */
  pausedAtMs: v.optional(v.number()),
  /** What the keeper told CloudWatch of the boot breaker last, if it did and nothing of that run failed. */
  breakerReported: v.optional(v.picklist(['open', 'closed'])),
  /**
   * Since then every record that is written has its place in the index `byState`. 0: all have it. Absent: it is not known,
   * or an agent of an earlier version still runs.
   */
  listedSinceMs: v.optional(v.number()),
  /** `keptAtMs` of the last run of a keeper that knows this index. If it differs, one of an earlier version ran since. */
  keptWithIndexAtMs: v.optional(v.number()),
  /** When the keeper ran last, and what of it failed. */
  keptAtMs: v.optional(v.number()),
  keeperFailure: v.optional(v.string()),
});

export type FleetState = v.InferOutput<typeof FleetStateSchema>;

const KEY = itemKey(FLEET_KEY);

/** A fleet that nothing is known of has an empty state. */
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
 * Whether all records of jobs have their place in the index `byState`: they always had, or those that were written before are
 * forgotten; and no fleet of an earlier version is at work again, after a rollback that has left the index behind.
 *
 * @param recordSeconds how long a record outlives its job's end
 */
export function isAllListed(state: FleetState, recordSeconds: number, nowMs: number): boolean {
  const { listedSinceMs, keptAtMs, keptWithIndexAtMs } = state;
  if (listedSinceMs === undefined || keptAtMs !== keptWithIndexAtMs) return false;
  return listedSinceMs === 0 || nowMs / 1000 > expiryOfQueued(listedSinceMs, recordSeconds);
}

export type FleetStateChanges = { [Key in keyof FleetState]: FleetState[Key] | undefined };

/** Sets what has a value and forgets what is undefined; the rest stays. */
export async function changeFleetState(
  db: DynamoDBClient,
  table: string,
  changes: FleetStateChanges,
): Promise<void> {
  const set: Record<string, ItemValue | undefined> = { fleet: true, ...changes };
  const remove = Object.keys(changes).filter((key) => set[key] === undefined);
  await db.send(new UpdateItemCommand({ TableName: table, Key: KEY, ...updateExpression({ set, remove }) }));
}
