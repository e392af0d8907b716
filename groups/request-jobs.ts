import { requestJobId } from '../jobs/released.ts';
import type { RequestRecord } from '../store/request-items.ts';
import type { Groups } from './groups.ts';

/** Jobs that are skipped or dropped at the same time. */
const AT_ONCE = 32;
/** Jobs after which the request notes how far it is. */
const NOTE_EVERY = 1024;

/** Why a job of a cancelled request did not run. */
function skipReason({ id, reason }: Pick<RequestRecord, 'id' | 'reason'>): string {
  return `request ${id} was cancelled${reason === undefined ? '' : `: ${reason}`}`;
}

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
  const isDone = await forEachBlock(groups, request, mayGoOn, async (ids) => {
    await Promise.all(
      ids.map((id) => groups.jobs.endHeld(id, 'skipped', reason, groups.context.clock.now())),
    );
  });
  if (isDone) await groups.endRequest(request.id);
  return isDone;
}

/** Goes through the ids of a request's jobs, and notes how far it is. */
export async function forEachBlock(
  groups: Groups,
  request: RequestRecord,
  mayGoOn: (done: number) => boolean,
  task: (ids: readonly string[]) => Promise<void>,
): Promise<boolean> {
  const { id, state } = request;
  // A preparation counts what it has written: all of that is dropped, from the beginning.
  let done = 0;
  const from = state === 'cancelled' ? (request.progress ?? 0) : 0;
  let block: string[] = [];
  const finishBlock = async () => {
    await task(block);
    block = [];
    if (state === 'cancelled' && done % NOTE_EVERY < AT_ONCE)
      await groups.requests.noteProgress(id, state, done);
  };
  for (const jobId of jobIds(request)) {
    done += 1;
    if (done <= from) continue;
    block.push(jobId);
    if (block.length < AT_ONCE) continue;
    await finishBlock();
    if (!mayGoOn(done)) {
      if (state === 'cancelled') await groups.requests.noteProgress(id, state, done);
      return false;
    }
  }
  await finishBlock();
  if (state === 'cancelled') await groups.requests.noteProgress(id, state, request.count);
  return true;
}

/** The ids of a request's jobs, group by group. */
export function* jobIds({ id, groups }: Pick<RequestRecord, 'id' | 'groups'>): Generator<string> {
  for (const { name, count } of groups) {
    for (let number = 1; number <= count; number += 1) yield requestJobId(id, name, number);
  }
}
