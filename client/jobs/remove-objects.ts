import { DeleteObjectsCommand, ListObjectsV2Command, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { bodyKey } from '../../jobs/body-key.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { MAX_KEPT_TRIES } from '../../jobs/tries.ts';
import { logPrefix } from '../../store/bucket-keys.ts';
import type { FleetContext } from '../context.ts';
import { FleetError } from '../errors.ts';
import { isInBucket } from '../logs/inline.ts';

/** Deletes the log and the body of an ended job from the log bucket. Returns the number of objects. */
export async function removeObjects(context: FleetContext, record: JobRecord): Promise<number> {
  const { clients, facts } = context;
  let count = 0;
  if (record.bodyKey !== undefined) count += await removeKeys(context, await bodyOf(context, record.id));
  if (!mayHaveLogs(record)) return count;
  const log = { Bucket: facts.logBucket, Prefix: logPrefix(record.id) };
  for await (const { Contents = [] } of paginateListObjectsV2({ client: clients.s3 }, log)) {
    count += await removeKeys(context, keysOf(Contents));
  }
  return count;
}

/**
 * Whether its log may be in the bucket. Most logs are not, and listing the bucket for each job would be the largest
 * cost.
 */
function mayHaveLogs({ attempts, tries = [] }: JobRecord): boolean {
  if (tries.length === 0) return attempts > 0;
  if (tries.length >= MAX_KEPT_TRIES) return true;
  // A try without a recorded end, and a try that lost output, may have objects that the record does not name.
  return tries.some(({ endedAt, log }) => {
    const lost = (log?.stdout.lost ?? 0) + (log?.stderr.lost ?? 0);
    return endedAt === undefined || log === undefined || lost > 0 || isInBucket(log);
  });
}

/** The key of the job's body, if it exists. DeleteObjects does not say whether an object existed. */
async function bodyOf({ clients, facts }: FleetContext, job: string): Promise<string[]> {
  const key = bodyKey(job);
  // It sorts before all other keys with this prefix.
  const command = new ListObjectsV2Command({ Bucket: facts.logBucket, Prefix: key, MaxKeys: 1 });
  const { Contents = [] } = await clients.s3.send(command);
  return keysOf(Contents).filter((found) => found === key);
}

function keysOf(objects: readonly { Key?: string | undefined }[]): string[] {
  return objects.flatMap(({ Key }) => Key ?? []);
}

/** @param keys at most a thousand, as many as a page of a listing has */
async function removeKeys({ clients, facts }: FleetContext, keys: readonly string[]): Promise<number> {
  if (keys.length === 0) return 0;
  const { Errors = [] } = await clients.s3.send(
    new DeleteObjectsCommand({
      Bucket: facts.logBucket,
      Delete: { Quiet: true, Objects: keys.map((Key) => ({ Key })) },
    }),
  );
  const [first] = Errors;
  if (!first) return keys.length;
  throw new FleetError(
    `${Errors.length} objects of ${facts.logBucket} were not deleted, the first ${first.Key}: ${first.Message ?? first.Code}.`,
  );
}
