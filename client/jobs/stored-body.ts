import type { JobRecord } from '../../jobs/record.ts';
import {
  BodyMissingError,
  BodyUnusableError,
  createBodyStore,
  MAX_BODY_BYTES,
} from '../../store/body-store.ts';
import { type FleetContext, requireRecords } from '../context.ts';
import { BodyNotKeptError, FleetError } from '../errors.ts';
import { explainError } from '../explain.ts';
import { readRecord } from '../job-records.ts';
import { mapInParallel } from '../map-in-parallel.ts';
import type { JobView } from './view.ts';

/** Parts of the message if a body is not stored any more. */
interface BodyNotKeptText {
  /** What cannot be done. */
  failed: string;
  /** What to do if the message may be in the dead-letter queue. */
  dead: string;
  /** What to do otherwise. */
  other: string;
}

/** A job's body, from its record or the log bucket. Rejects with `BodyNotKeptError`. */
export async function readStoredBody(
  { clients, facts }: FleetContext,
  record: JobRecord,
  { failed, dead, other }: BodyNotKeptText,
): Promise<string> {
  const { id, state, body, bodyKey, bodyDigest } = record;
  if (body !== undefined) return body;
  try {
    if (bodyKey !== undefined) return await createBodyStore(clients.s3, facts.logBucket).get(id, bodyDigest);
  } catch (error) {
    if (!(error instanceof BodyUnusableError)) throw error;
    if (!(error instanceof BodyMissingError)) {
      throw new BodyNotKeptError(`${failed}: ${error.message}.`, { cause: error });
    }
  }
  const isDead = state === 'failed' || state === 'timed_out';
  throw new BodyNotKeptError(
    `The body of job ${id} is not stored any more: it is longer than a record keeps, and ` +
      `${bodyKey === undefined ? `the job is ${state}` : 'its copy in the log bucket has expired'}. ` +
      (isDead ? dead : other),
  );
}

/** The whole body of a job. Rejects with `UnknownJobError` or `BodyNotKeptError`. */
export async function readJobBody(context: FleetContext, id: string): Promise<string> {
  requireRecords(context.facts, 'ask');
  return readStoredBody(context, await readRecord(context, id), {
    failed: `The body of job ${id} cannot be shown`,
    dead: `Its message may be in the dead-letter queue: \`mayfly dlq show --body ${id}\` shows it from there.`,
    other: 'Only its message had it. Ask its producer.',
  });
}

/** Most bytes of bodies that one call fetches. All of them are in memory at the same time. */
const MOST_BYTES = MAX_BODY_BYTES;

/**
 * The jobs with their bodies. Bodies in the log bucket are fetched. A body is left out if it cannot be read, or if the
 * bodies of the jobs before it take up the 64 MiB that one call fetches.
 */
export function withBodies(
  context: FleetContext,
  jobs: readonly JobView[],
  records: ReadonlyMap<string, JobRecord>,
): Promise<JobView[]> {
  const store = createBodyStore(context.clients.s3, context.facts.logBucket);
  let room = MOST_BYTES;
  return mapInParallel(jobs, async (job) => {
    const record = records.get(job.id);
    if (record?.bodyKey === undefined || record.body !== undefined) return job;
    const bytes = record.bodyBytes ?? MAX_BODY_BYTES;
    if (bytes > room) return job;
    room -= bytes;
    try {
      return { ...job, body: await store.get(job.id, record.bodyDigest) };
    } catch (thrown) {
      if (thrown instanceof BodyUnusableError) return job;
      const error = explainError(context.facts, thrown);
      if (error instanceof FleetError) return job;
      throw error;
    }
  });
}
