import { BodyMissing, BodyUnusable, bodyStore, LONGEST_BODY } from '../../store/bodies.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { type FleetContext, needRecords } from '../context.ts';
import { each } from '../each.ts';
import { BodyNotKept, FleetError } from '../errors.ts';
import { explain } from '../explain.ts';
import { recordOfJob } from '../job-records.ts';
import type { JobView } from './view.ts';

/** What a sentence says of a body that is kept nowhere. */
interface Words {
  /** What cannot be done with it. */
  failed: string;
  /** What to do if its message may be in the dead-letter queue; and if not. */
  dead: string;
  other: string;
}

/** A job's body, from its record or the log bucket. Throws `BodyNotKept`. */
export async function keptBody(
  { clients, facts }: FleetContext,
  record: JobRecord,
  { failed, dead, other }: Words,
): Promise<string> {
  const { id, state, body, bodyKey, bodyDigest } = record;
  if (body !== undefined) return body;
  try {
    if (bodyKey !== undefined) return await bodyStore(clients.s3, facts.logBucket).get(id, bodyDigest);
  } catch (error) {
    if (!(error instanceof BodyUnusable)) throw error;
    if (!(error instanceof BodyMissing)) {
      throw new BodyNotKept(`${failed}: ${error.message}.`, { cause: error });
    }
  }
  const isDead = state === 'failed' || state === 'timed_out';
  throw new BodyNotKept(
    `The body of job ${id} is kept nowhere: it is longer than a record keeps, and ` +
      `${bodyKey === undefined ? `the job is ${state}` : 'its copy in the log bucket has expired'}. ` +
      (isDead ? dead : other),
  );
}

/** What the worker of a job reads, whole. Throws `UnknownJob`, or `BodyNotKept`. */
export async function bodyOfJob(context: FleetContext, id: string): Promise<string> {
  needRecords(context.facts, 'ask');
  return keptBody(context, await recordOfJob(context, id), {
    failed: `The body of job ${id} cannot be shown`,
    dead: `Its message may be in the dead-letter queue: \`mayfly dlq show --body ${id}\` shows it from there.`,
    other: 'Only its message has it, or had it: ask who enqueued it.',
  });
}

/** Bytes of bodies that are fetched for one call, all together: they are in memory at the same time. */
const MOST_BYTES = LONGEST_BODY;

/**
 * The jobs with their bodies, as far as they are kept: those in the log bucket are fetched. One that cannot be had, or has no
 * room beside those of the jobs before it, is left out: the state of its job is known all the same.
 */
export function withBodies(
  context: FleetContext,
  jobs: readonly JobView[],
  records: ReadonlyMap<string, JobRecord>,
): Promise<JobView[]> {
  const store = bodyStore(context.clients.s3, context.facts.logBucket);
  let room = MOST_BYTES;
  return each(jobs, async (job) => {
    const record = records.get(job.id);
    if (record?.bodyKey === undefined || record.body !== undefined) return job;
    const bytes = record.bodyBytes ?? LONGEST_BODY;
    if (bytes > room) return job;
    room -= bytes;
    try {
      return { ...job, body: await store.get(job.id, record.bodyDigest) };
    } catch (thrown) {
      if (thrown instanceof BodyUnusable) return job;
      const error = explain(context.facts, thrown);
      if (error instanceof FleetError) return job;
      throw error;
    }
  });
}
