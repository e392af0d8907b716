import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Forecast, InstanceRecord, Retirement } from '../jobs/record.ts';
import { batchGet } from './batches.ts';
import { readPartitionKeys } from './index-pages.ts';
import { instanceKey, itemKey } from './keys.ts';
import { parseInstance, withEarlierNames } from './records.ts';
import { type Change, updateExpression } from './update-expression.ts';

/** The keys of a live instance in both indexes. */
const LIVE = { listing: 'instances', listed: 'instances' };
/** The sort key in the index, which stays the same. */
const placed = (instance: string) => ({ setOnce: { listedAt: instance } });
/** Attributes that a live instance does not have. */
const NOT_RETIRED = ['retirement', 'accountedAtMs', 'expires'];
/** An instance that was marked as lost and reports is not lost: the keeper read the group too early or too late. */
const IS_LIVE = {
  condition: 'attribute_not_exists(#retirement) OR #retirement.#reason = :lost',
  values: { ':lost': 'lost' },
};
/** An instance that was assumed to be dead, or that is stopped and drains. It may still report. */
const MAY_BE_LIVE = {
  condition: '#retirement.#reason IN (:crashed, :failed, :stopped)',
  values: { ':crashed': 'agent-crashed', ':failed': 'boot-failed', ':stopped': 'stopped' },
};
/** An instance that is listed and does not retire. */
const IS_LISTED = {
  condition: `#listing = :instances AND (${IS_LIVE.condition})`,
  values: { ':instances': 'instances', ...IS_LIVE.values },
};

/** Records of instances are kept for at least a day, because the boot breaker judges launches by them. */
const LEAST_KEPT_SECONDS = 86_400;

/** How long the record of an instance is kept after its end. */
export function instanceRetentionSeconds(recordSeconds: number): number {
  return Math.max(recordSeconds, LEAST_KEPT_SECONDS);
}

/** The records of instances. An agent writes its own. The keeper reads all and marks those that are gone. */
export interface InstanceStore {
  /** An agent starts. Its instance is listed as live, whatever an earlier run of the agent wrote. */
  recordStart(
    instance: string,
    launchedAt: string | undefined,
    nowMs: number,
    signal?: AbortSignal,
  ): Promise<void>;
  /** The instance is ready for jobs. Nothing is written if it retires. */
  recordReady(instance: string, at: Readiness, nowMs: number, signal?: AbortSignal): Promise<void>;
  /**
   * The agent reports what its instance does. The instance is listed as live, also if its agent could not report that it was
   * ready, or if it was marked as lost. It is not listed if it retires, or if the keeper assumed it dead and ended it. Then
   * only the report is written, so that its jobs may end.
   *
   * @returns what operators requested
   */
  recordReport(
    instance: string,
    nowMs: number,
    forecast?: Forecast,
    signal?: AbortSignal,
  ): Promise<OperatorRequests>;
  /**
   * Why the instance retires. With the listing `instances` it stays listed as live until `markGone`, and the keeper settles
   * what it left. With `retired` nothing is left to settle.
   */
  recordRetirement(
    instance: string,
    retirement: Retirement,
    listing: InstanceRecord['listing'],
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * An operator drains the instance: it retires when its jobs have ended. Idempotent: the first request counts. Nothing is
   * written if the instance retires.
   *
   * @returns its record afterwards. Undefined: it is not among the live instances.
   */
  requestDrain(instance: string, nowMs: number): Promise<InstanceRecord | undefined>;
  /** The instance does not retire after all. */
  cancelRetirement(instance: string, signal?: AbortSignal): Promise<void>;
  /** Why its agent stops working, in one line. This does not count as a report. The instance may have no record yet. */
  recordFatalError(instance: string, fatalError: string, signal?: AbortSignal): Promise<void>;
  /** The keeper lowered the desired capacity for an instance that retired without lowering it. */
  markAccounted(instance: string, nowMs: number): Promise<void>;
  /** Lists the instance as `retired`: it is gone and nothing of it is left to settle. If it gave no reason, it was lost. */
  markGone(instance: string, nowMs: number): Promise<void>;
  /** All instances that are not known to be gone. */
  listLive(): Promise<InstanceRecord[]>;
  /** These instances, listed or not. One without a record is missing in the result. */
  find(instances: readonly string[]): Promise<Map<string, InstanceRecord>>;
}

/** What operators requested of an instance. */
export type OperatorRequests = Pick<InstanceRecord, 'drainRequestedAt'>;

export interface Readiness {
  launchedAt?: string;
  readyAt: string;
  bootSeconds?: number;
}

/** @param recordSeconds how long records are kept; see `instanceRetentionSeconds` */
export function createInstanceStore(db: DynamoDBClient, table: string, recordSeconds: number): InstanceStore {
  const expiryAfter = (endedMs: number) =>
    Math.floor(endedMs / 1000) + instanceRetentionSeconds(recordSeconds);
  const update = (instance: string, change: Change, abortSignal?: AbortSignal) =>
    db.send(
      new UpdateItemCommand({
        TableName: table,
        Key: itemKey(instanceKey(instance)),
        ...updateExpression(change),
      }),
      abortSignal && { abortSignal },
    );
  /** Returns the record afterwards, which costs no more. Undefined: the condition did not hold. */
  const updateIf = async (instance: string, change: Change, abortSignal?: AbortSignal) => {
    const words = { ...updateExpression(change), ReturnValues: 'ALL_NEW' } as const;
    const command = new UpdateItemCommand({
      TableName: table,
      Key: itemKey(instanceKey(instance)),
      ...words,
    });
    try {
      const { Attributes } = await db.send(command, abortSignal && { abortSignal });
      return parseInstance(Attributes ?? {});
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  };

  return {
    async recordStart(instance, launchedAt, nowMs, signal) {
      const set = { instance, ...LIVE, launchedAt, ...withEarlierNames({ reportedAtMs: nowMs }) };
      const remove = [...NOT_RETIRED, 'fatalError', 'lastWords'];
      await update(instance, { set, ...placed(instance), remove }, signal);
    },
    async recordReady(instance, at, nowMs, signal) {
      const set = { instance, ...LIVE, ...at, ...withEarlierNames({ reportedAtMs: nowMs }) };
      await updateIf(instance, { set, ...placed(instance), remove: NOT_RETIRED, ...IS_LIVE }, signal);
    },
    async recordReport(instance, nowMs, forecast, signal) {
      const report = withEarlierNames({ reportedAtMs: nowMs, forecast });
      const change = { set: { instance, ...LIVE, ...report }, ...placed(instance), remove: NOT_RETIRED };
      const listed = await updateIf(instance, { ...change, ...IS_LIVE }, signal);
      const record = listed ?? (await updateIf(instance, { set: report, ...MAY_BE_LIVE }, signal));
      const { drainRequestedAt } = record ?? {};
      return drainRequestedAt === undefined ? {} : { drainRequestedAt };
    },
    async requestDrain(instance, nowMs) {
      const setOnce = { drainRequestedAt: new Date(nowMs).toISOString() };
      return updateIf(instance, { setOnce, ...IS_LISTED });
    },
    async recordRetirement(instance, retirement, listing, signal) {
      const expires = listing === 'retired' ? expiryAfter(Date.parse(retirement.endedAt)) : undefined;
      const set = { instance, retirement, listing, listed: listing, expires };
      await update(instance, { set, ...placed(instance) }, signal);
    },
    async cancelRetirement(instance, signal) {
      const set = { instance, ...LIVE };
      await update(instance, { set, ...placed(instance), remove: NOT_RETIRED }, signal);
    },
    async recordFatalError(instance, fatalError, signal) {
      const set = { instance, ...withEarlierNames({ fatalError }) };
      await update(instance, { set, setOnce: { ...LIVE, listedAt: instance } }, signal);
    },
    async markAccounted(instance, nowMs) {
      await update(instance, { set: { instance, accountedAtMs: nowMs } });
    },
    async markGone(instance, nowMs) {
      const set = { instance, listing: 'retired', listed: 'retired', expires: expiryAfter(nowMs) };
      await update(instance, { set, setOnce: { retirement: lost(nowMs), listedAt: instance } });
    },
    async listLive() {
      const keys = await readLiveInstanceKeys(db, table);
      const items = await batchGet(db, table, keys, { ConsistentRead: true });
      const records = items.flatMap((item) => parseInstance(item) ?? []);
      return records.filter(({ listing }) => listing === 'instances');
    },
    async find(instances) {
      const found = await Promise.all(
        instances.map((instance) =>
          db.send(new GetItemCommand({ TableName: table, Key: itemKey(instanceKey(instance)) })),
        ),
      );
      const records = found.flatMap(({ Item }) => (Item && parseInstance(Item)) ?? []);
      return new Map(records.map((record) => [record.instance, record]));
    },
  };
}

/** The keys of the instances that are not known to be gone. Eventually consistent. Throws `IndexNotReadyError`. */
export async function readLiveInstanceKeys(db: DynamoDBClient, table: string): Promise<string[]> {
  return (await readPartitionKeys(db, table, 'instances')).keys;
}

/** The retirement of an instance that gave no reason: its metadata service did not answer, or its host failed. */
function lost(nowMs: number): Retirement {
  const at = new Date(nowMs).toISOString();
  const how = { rung: 'power-off', tries: 0, idleSeconds: 0, jobsDone: 0 } as const;
  return { reason: 'lost', decidedAt: at, endedAt: at, ...how };
}
