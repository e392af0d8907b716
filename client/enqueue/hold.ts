import type { FleetContext } from '../context.ts';
import { explainError, isRefusal } from '../explain.ts';
import { createGroups } from '../groups/create.ts';
import type { PreparedJob } from './prepare.ts';
import { putBody, type SendResult } from './send.ts';

/**
 * Puts a job with a group into that group, after its body. Its record says that it is held.
 *
 * @returns `queued` if the job may run already
 */
export async function holdJob(context: FleetContext, job: PreparedJob): Promise<'held' | 'queued'> {
  const [state] = await holdInGroup(context, job.envelope.group ?? '', [job]);
  return state ?? 'held';
}

/** The same for many jobs. Never rejects. */
export async function holdJobs(
  context: FleetContext,
  jobs: readonly PreparedJob[],
): Promise<Map<PreparedJob, SendResult>> {
  const byGroup = Map.groupBy(jobs, ({ envelope }) => envelope.group ?? '');
  const results = new Map<PreparedJob, SendResult>();
  await Promise.all(
    [...byGroup].map(async ([group, held]) => {
      const result = await holdInGroup(context, group, held).then(
        (): SendResult => ({ kind: 'sent' }),
        (error: unknown): SendResult => ({
          kind: isRefusal(error) ? 'refused' : 'unknown',
          cause: explainError(context.facts, error),
        }),
      );
      for (const job of held) results.set(job, result);
    }),
  );
  return results;
}

async function holdInGroup(
  context: FleetContext,
  group: string,
  jobs: readonly PreparedJob[],
): Promise<('held' | 'queued')[]> {
  // Who may enqueue may not write the items of requests.
  const groups = createGroups(context, { leavesRequests: true });
  await Promise.all(jobs.map((job) => putBody(context, job)));
  const { out } = await groups.addPlain(
    group,
    jobs.map(({ id, target }) => ({ id, ...(target !== undefined && { target }) })),
  );
  return Promise.all(
    jobs.map(async ({ id }) => {
      if (id in out) return 'queued';
      await groups.jobs.markPlaced(id, context.clock.now());
      return 'held';
    }),
  );
}
