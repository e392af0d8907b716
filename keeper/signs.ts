import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { isRefusal } from '../aws/bucket-refusals.ts';
import { instanceLogPrefix, type SavedLog, savedLogIn, signOfLifeKey } from '../store/log-layout.ts';
import type { Hands } from './hands.ts';

/** What instances left in the log bucket, since the table did not take their reports. */
export interface Signs {
  /** When each was given last, by S3's time. Who gave none is missing. */
  heardAtMs: ReadonlyMap<string, number>;
  /** Why they went, of those that broke down and saved their logs. */
  savedLogs: ReadonlyMap<string, SavedLog>;
  /** Why it is not known of some whether they gave one. */
  failures: unknown[];
}

/**
 * Looks for what these instances left. One that cannot be asked about counts as heard right now: it is judged at a
 * later run. Where the bucket refuses to answer nobody has given a sign, else an instance that hangs would bill on for
 * as long as the bucket is gone.
 */
export async function signsOfLife(hands: Hands, instances: readonly string[]): Promise<Signs> {
  const { clients, config, log, nowMs } = hands;
  const { logBucket } = config;
  const heardAtMs = new Map<string, number>();
  const savedLogs = new Map<string, SavedLog>();
  const failures: unknown[] = [];
  if (logBucket === undefined) return { heardAtMs, savedLogs, failures };
  await Promise.all(
    instances.map(async (instance) => {
      try {
        const { atMs, savedLog } = await leftBy(clients.s3, logBucket, instance);
        if (atMs !== undefined) heardAtMs.set(instance, atMs);
        if (savedLog) savedLogs.set(instance, savedLog);
      } catch (error) {
        log.error({ instance, err: error }, 'cannot see whether the instance gave a sign of life');
        if (isRefusal(error)) return;
        heardAtMs.set(instance, nowMs);
        failures.push(error);
      }
    }),
  );
  return { heardAtMs, savedLogs, failures };
}

/** By a listing, which needs no right to read objects. */
async function leftBy(
  s3: S3Client,
  Bucket: string,
  instance: string,
): Promise<{ atMs: number | undefined; savedLog: SavedLog | undefined }> {
  const Prefix = instanceLogPrefix(instance);
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
  const sign = Contents.find(({ Key }) => Key === signOfLifeKey(instance));
  return {
    atMs: sign?.LastModified?.getTime(),
    savedLog: savedLogIn(Contents.map(({ Key = '' }) => Key)),
  };
}
