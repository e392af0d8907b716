import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { batchGet } from './batches.ts';
import { keysIn } from './index-pages.ts';
import type { InstanceRecord, Outlook, Retirement } from '../jobs/record.ts';
import { instanceKey, itemKey } from './keys.ts';
import { parseInstance } from './records.ts';
import { type Change, updateExpression } from './update.ts';

/** What lists it in both indexes. */
const LIVING = { listing: 'instances', listed: 'instances' };
/** Its place among the others, which stays. */
const placed = (instance: string) => ({ setOnce: { listedAt: instance } });
/** What an instance that lives has none of. */
const NOT_RETIRED = ['retirement', 'accountedAtMs', 'expires'];
/** One that was called lost, and is heard of, is not lost: the group was looked at a moment too early or too late. */
const LIVES = {
  condition: 'attribute_not_exists(#retirement) OR #retirement.#reason = :lost',
  values: { ':lost': 'lost' },
};
/** One that was taken for dead, or is stopped and drains: it may be heard of all the same. */
const PERHAPS_ALIVE = {
  condition: '#retirement.#reason IN (:crashed, :failed, :stopped)',
  values: { ':crashed': 'agent-crashed', ':failed': 'boot-failed', ':stopped': 'stopped' },
};
/** One that is there, and not on its way out. */
const IS_LISTED = {
  condition: `#listing = :instances AND (${LIVES.condition})`,
  values: { ':instances': 'instances', ...LIVES.values },
};

/** Instances are remembered for a day at least: the boot breaker judges launches by their records. */
const LEAST_KEPT_SECONDS = 86_400;

/** How long the record of an instance outlives it, where records are kept for `recordSeconds`. */
export function keptSeconds(recordSeconds: number): number {
  return Math.max(recordSeconds, LEAST_KEPT_SECONDS);
}

/** The instances in the table. An agent writes its own; the keeper reads all and moves those that are gone. */
export interface InstanceStore {
  /** An agent that starts: lists its instance as living, whatever an earlier run of the agent had said. */
  begins(
    instance: string,
    launchedAt: string | undefined,
    nowMs: number,
    signal?: AbortSignal,
  ): Promise<void>;
  /** An instance that is ready for work. Nothing is written for one that retires. */
  ready(instance: string, at: Readiness, nowMs: number, signal?: AbortSignal): Promise<void>;
  /**
   * The instance lives, and says what it does. Lists it, so that an agent which could not say that it was ready is
   * known all the same, and one that was lost is alive again; but not one that retires, or that the keeper took for
   * dead and ended: that one is known to live, so that its jobs may end.
   *
   * @returns what others have asked of it
   */
  heard(instance: string, nowMs: number, outlook?: Outlook, signal?: AbortSignal): Promise<Asked>;
  /**
   * Why the instance goes. It stays among the living until it is `gone`, unless `listing` says otherwise: who leaves
   * something to settle leaves that to the keeper.
   */
  retiring(
    instance: string,
    retirement: Retirement,
    listing: InstanceRecord['listing'],
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * An operator wants the instance to let its jobs end and go. Can be repeated: the first time counts. Nothing is written
   * for one that retires.
   *
   * @returns its record as it is then; undefined: it has none among those that live
   */
  drain(instance: string, nowMs: number): Promise<InstanceRecord | undefined>;
  /** The instance goes on after all. */
  stays(instance: string, signal?: AbortSignal): Promise<void>;
  /** Why its agent gives up, in a line, which is no sign of life. The instance may have no record yet. */
  lastWords(instance: string, words: string, signal?: AbortSignal): Promise<void>;
  /** The desired capacity was lowered for an instance that retired without. */
  accounted(instance: string, nowMs: number): Promise<void>;
  /** The instance is gone and nothing of it is left to settle. One that went without a word was lost. */
  gone(instance: string, nowMs: number): Promise<void>;
  /** All instances that are not known to be gone. */
  living(): Promise<InstanceRecord[]>;
  /** These few instances, listed or not; who has no record is missing. */
  find(instances: readonly string[]): Promise<Map<string, InstanceRecord>>;
}

/** What an operator has asked of an instance. */
export type Asked = Pick<InstanceRecord, 'drainRequestedAt'>;

export interface Readiness {
  launchedAt?: string;
  readyAt: string;
  bootSeconds?: number;
}

/** @param recordSeconds how long records are kept; see `keptSeconds` */
export function instanceStore(db: DynamoDBClient, table: string, recordSeconds: number): InstanceStore {
  const expiryOf = (endedMs: number) => Math.floor(endedMs / 1000) + keptSeconds(recordSeconds);
  const update = (instance: string, change: Change, abortSignal?: AbortSignal) =>
    db.send(
      new UpdateItemCommand({ TableName: table, Key: itemKey(instanceKey(instance)), ...updateExpression(change) }),
      abortSignal && { abortSignal },
    );
  /** Resolves with the whole record as it is then, which costs no more; undefined: the condition did not hold. */
  const updateIf = async (instance: string, change: Change, abortSignal?: AbortSignal) => {
    const words = { ...updateExpression(change), ReturnValues: 'ALL_NEW' } as const;
    const command = new UpdateItemCommand({ TableName: table, Key: itemKey(instanceKey(instance)), ...words });
    try {
      const { Attributes } = await db.send(command, abortSignal && { abortSignal });
      return parseInstance(Attributes ?? {});
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  };

  return {
    async begins(instance, launchedAt, nowMs, signal) {
      const set = { instance, ...LIVING, launchedAt, heardAtMs: nowMs };
      await update(instance, { set, ...placed(instance), remove: [...NOT_RETIRED, 'lastWords'] }, signal);
    },
    async ready(instance, at, nowMs, signal) {
      const set = { instance, ...LIVING, ...at, heardAtMs: nowMs };
      await updateIf(instance, { set, ...placed(instance), remove: NOT_RETIRED, ...LIVES }, signal);
    },
    async heard(instance, nowMs, outlook, signal) {
      const told = { heardAtMs: nowMs, outlook };
      const change = { set: { instance, ...LIVING, ...told }, ...placed(instance), remove: NOT_RETIRED };
      const listed = await updateIf(instance, { ...change, ...LIVES }, signal);
      const record = listed ?? (await updateIf(instance, { set: told, ...PERHAPS_ALIVE }, signal));
      const { drainRequestedAt } = record ?? {};
      return drainRequestedAt === undefined ? {} : { drainRequestedAt };
    },
    async drain(instance, nowMs) {
      const setOnce = { drainRequestedAt: new Date(nowMs).toISOString() };
      return updateIf(instance, { setOnce, ...IS_LISTED });
    },
    async retiring(instance, retirement, listing, signal) {
      const expires = listing === 'retired' ? expiryOf(Date.parse(retirement.endedAt)) : undefined;
      const set = { instance, retirement, listing, listed: listing, expires };
      await update(instance, { set, ...placed(instance) }, signal);
    },
    async stays(instance, signal) {
      const set = { instance, ...LIVING };
      await update(instance, { set, ...placed(instance), remove: NOT_RETIRED }, signal);
    },
    async lastWords(instance, words, signal) {
      const set = { instance, lastWords: words };
      await update(instance, { set, setOnce: { ...LIVING, listedAt: instance } }, signal);
    },
    async accounted(instance, nowMs) {
      await update(instance, { set: { instance, accountedAtMs: nowMs } });
    },
    async gone(instance, nowMs) {
      const set = { instance, listing: 'retired', listed: 'retired', expires: expiryOf(nowMs) };
      await update(instance, { set, setOnce: { retirement: lost(nowMs), listedAt: instance } });
    },
    async living() {
      const keys = await keysOfLiving(db, table);
      const items = await batchGet(db, table, keys, { ConsistentRead: true });
      const records = items.flatMap((item) => parseInstance(item) ?? []);
      return records.filter(({ listing }) => listing === 'instances');
    },
    async find(instances) {
      const found = await Promise.all(
        instances.map((instance) => db.send(new GetItemCommand({ TableName: table, Key: itemKey(instanceKey(instance)) }))),
      );
      const records = found.flatMap(({ Item }) => (Item && parseInstance(Item)) ?? []);
      return new Map(records.map((record) => [record.instance, record]));
    },
  };
}

/** The keys of the instances that are not known to be gone, as the index had them a moment ago. Throws `IndexNotReady`. */
export async function keysOfLiving(db: DynamoDBClient, table: string): Promise<string[]> {
  return (await keysIn(db, table, 'instances')).keys;
}

/** Of an instance that could not say why it went: its metadata was silent, its host broke down. */
function lost(nowMs: number): Retirement {
  const at = new Date(nowMs).toISOString();
  const how = { rung: 'power-off', tries: 0, idleSeconds: 0, jobsDone: 0 } as const;
  return { reason: 'lost', decidedAt: at, endedAt: at, ...how };
}
