import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { isBucketRefusal } from '../aws/bucket-refusals.ts';
import { findSavedLog, heartbeatKey, instanceLogPrefix, type SavedLog } from '../store/bucket-keys.ts';
import type { KeeperContext } from './keeper-context.ts';

/** What instances wrote to the log bucket because they could not report to the table. */
export interface Heartbeats {
  /** When each instance wrote its last heartbeat, by the time of S3. Instances without one are absent. */
  reportedAtMs: ReadonlyMap<string, number>;
  /** Why instances retired that broke and saved their logs. */
  savedLogs: ReadonlyMap<string, SavedLog>;
  /** The errors of instances whose heartbeat could not be read. */
  failures: unknown[];
}

/**
 * Reads the heartbeats and saved logs of these instances. If a read fails, the instance counts as alive and a later run
 * judges it. If the bucket refuses access, the instance counts as silent: otherwise an instance that hangs would cost
 * money for as long as the bucket is missing.
 */
export async function readHeartbeats(
  context: KeeperContext,
  instances: readonly string[],
): Promise<Heartbeats> {
  const { clients, config, log, nowMs } = context;
  const { logBucket } = config;
  const reportedAtMs = new Map<string, number>();
  const savedLogs = new Map<string, SavedLog>();
  const failures: unknown[] = [];
  if (logBucket === undefined) return { reportedAtMs, savedLogs, failures };
  await Promise.all(
    instances.map(async (instance) => {
      try {
        const { atMs, savedLog } = await leftBy(clients.s3, logBucket, instance);
        if (atMs !== undefined) reportedAtMs.set(instance, atMs);
        if (savedLog) savedLogs.set(instance, savedLog);
      } catch (error) {
        log.error({ instance, err: error }, 'cannot read the heartbeat of the instance');
        if (isBucketRefusal(error)) return;
        reportedAtMs.set(instance, nowMs);
        failures.push(error);
      }
    }),
  );
  return { reportedAtMs, savedLogs, failures };
}

/** Lists the objects, which needs no permission to read them. */
async function leftBy(
  s3: S3Client,
  Bucket: string,
  instance: string,
): Promise<{ atMs: number | undefined; savedLog: SavedLog | undefined }> {
  const Prefix = instanceLogPrefix(instance);
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
  const sign = Contents.find(({ Key }) => Key === heartbeatKey(instance));
  return {
    atMs: sign?.LastModified?.getTime(),
    savedLog: findSavedLog(Contents.map(({ Key = '' }) => Key)),
  };
}
