import { requestJobId } from '../jobs/released.ts';
import { skipReason } from '../policy/groups/requests.ts';
import type { RequestRecord } from '../store/request-items.ts';
import type { Groups } from './groups.ts';

/** Jobs that are skipped or dropped at the same time. */
const AT_ONCE = 32;
/** Jobs after which the request notes how far it is. */
const NOTE_EVERY = 1024;

/**
 * Ends what is held of a cancelled request: `skipped`. Goes on where it was cut off.
 *
 * @param mayGoOn asked after each block; false leaves the rest to the next call
 * @returns whether all jobs were looked at
 */
export async function skipHeld(
  groups: Groups,
  request: RequestRecord,
  mayGoOn: (done: number) => boolean = () => true,
): Promise<boolean> {
  const reason = skipReason(request);
  const { id } = request;
  const skip = async (ids: readonly string[]) => {
    await Promise.all(
      ids.map((job) => groups.jobs.endHeld(job, 'skipped', reason, groups.context.clock.now())),
    );
  };
  const isDone = await forEachBlock(request, mayGoOn, skip, (done) => groups.requests.noteSkipped(id, done));
  if (isDone) await groups.endRequest(id);
  return isDone;
}

/**
 * Goes through the ids of a request's jobs, from where the request says that others have come to.
 *
 * @param note notes how far it is
 * @returns whether all jobs were looked at
 */
export async function forEachBlock(
  request: RequestRecord,
  mayGoOn: (done: number) => boolean,
  task: (ids: readonly string[]) => Promise<void>,
  note: (done: number) => Promise<unknown>,
): Promise<boolean> {
  const { progress = 0, count } = request;
  let done = 0;
  let block: string[] = [];
  for (const id of jobIds(request)) {
    done += 1;
    if (done <= progress) continue;
    block.push(id);
    if (block.length < AT_ONCE) continue;
    await task(block);
    block = [];
    const goesOn = mayGoOn(done);
    if (!goesOn || done % NOTE_EVERY < AT_ONCE) await note(done);
    if (!goesOn) return false;
  }
  await task(block);
  await note(count);
  return true;
}

/** The ids of a request's jobs, group by group. */
export function* jobIds({ id, groups }: Pick<RequestRecord, 'id' | 'groups'>): Generator<string> {
  for (const { name, count } of groups) {
    for (let number = 1; number <= count; number += 1) yield requestJobId(id, name, number);
  }
}
