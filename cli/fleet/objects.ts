import { DeleteObjectsCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { bodyKey, logPrefix } from '../../jobs/log-layout.ts';
import type { FleetContext } from './context.ts';
import { FleetError } from './errors.ts';

/** Deletes what the log bucket has of a job, its log and its body. Returns how many objects that were. */
export async function removeObjects(context: FleetContext, job: string): Promise<number> {
  let count = 0;
  // A prefix is no folder: of a body it would find those whose ids begin with this one.
  for (const prefix of [logPrefix(job), bodyKey(job)]) {
    const where = { Bucket: context.facts.logBucket, Prefix: prefix };
    for await (const { Contents = [] } of paginateListObjectsV2({ client: context.clients.s3 }, where)) {
      const keys = Contents.flatMap(({ Key }) => Key ?? []).filter((key) => isOf(key, prefix));
      await removeKeys(context, keys);
      count += keys.length;
    }
  }
  return count;
}

function isOf(key: string, prefix: string): boolean {
  return prefix.endsWith('/') || key === prefix;
}

/** Up to a thousand, as many as a page lists. */
async function removeKeys({ clients, facts }: FleetContext, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const { Errors = [] } = await clients.s3.send(
    new DeleteObjectsCommand({
      Bucket: facts.logBucket,
      Delete: { Quiet: true, Objects: keys.map((Key) => ({ Key })) },
    }),
  );
  const [first] = Errors;
  if (!first) return;
  throw new FleetError(
    `${Errors.length} objects of ${facts.logBucket} were not deleted, the first ${first.Key}: ${first.Message ?? first.Code}.`,
  );
}
