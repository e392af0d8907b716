import { stageJobId } from '../../jobs/released.ts';
import type { FleetContext } from '../context.ts';
import { readRecords } from '../job-records.ts';
import { shownState } from '../job-state.ts';
import type { JobView, StageView } from './view.ts';

const STAGES = ['rollBack', 'check'] as const;

/** The jobs, with the roll-backs and the health checks that followed those of requests. Their ids are computed. */
export async function withStages(context: FleetContext, jobs: readonly JobView[]): Promise<JobView[]> {
  const ids = jobs.filter(canHaveStages).flatMap(({ id }) => STAGES.map((stage) => stageJobId(id, stage)));
  if (ids.length === 0) return [...jobs];
  const found = await readRecords(context, ids);
  const nowMs = context.clock.now();
  return jobs.map((job) => {
    if (!canHaveStages(job)) return job;
    const stages = STAGES.flatMap((stage): StageView[] => {
      const record = found.get(stageJobId(job.id, stage));
      return record ? [{ stage, id: record.id, state: shownState(record, context.facts, nowMs) }] : [];
    });
    return stages.length === 0 ? job : { ...job, stages };
  });
}

/** They are written when the job has ended. */
function canHaveStages({ requestId, group, stage, finished }: JobView): boolean {
  return finished && requestId !== undefined && group !== undefined && stage === undefined;
}
