import { callerInstance, findWrites } from '../calls.ts';
import type { Facts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';
import { describeClaim, findCauseInQueue, findCauseInTable } from './rerun-causes.ts';

/** A job runs again only with a cause, never twice at the same time, and succeeds once. */
export function judgeRuns(facts: Facts, runs: readonly Run[]): { violations: Violation[]; notes: string[] } {
  const violations: Violation[] = [];
  const notes: string[] = [];
  for (const [job, ofJob] of Map.groupBy(runs, (run) => run.job)) {
    for (const [index, run] of ofJob.entries()) {
      const earlier = ofJob[index - 1];
      if (!earlier) continue;
      if (run.startedMs < earlier.seenMs) violations.push(overlap(job, earlier, run));
      const cause = findCause(earlier, run, facts);
      if (cause) notes.push(`job ${job} ran again: ${cause}`);
      else violations.push(uncaused(job, earlier, run, facts));
      if (earlier.status === 0 && run.status === 0 && !cause) {
        violations.push({ rule: 'succeeded-twice', subject: job, message: 'succeeded more than once' });
      }
    }
  }
  for (const { job, pid } of facts.workersAlive) {
    violations.push({ rule: 'worker-left', subject: job, message: `its worker (pid ${pid}) still runs` });
  }
  return { violations, notes };
}

/** Why a run followed `earlier`. A failure is a sufficient cause. Any other cause shows in the call log. */
function findCause(earlier: Run, run: Run, facts: Facts): string | undefined {
  if (earlier.status !== undefined && earlier.status !== 0) {
    return `attempt ${earlier.attempt} ended with status ${earlier.status}`;
  }
  return facts.records ? findCauseInTable(earlier, run, facts) : findCauseInQueue(earlier, run, facts);
}

/** The instance that had a job when a run of it started: the last one that wrote its item before. */
export function findOwner(run: Run, facts: Facts): string | undefined {
  const claims = findWrites(run.job, facts.calls).filter(({ atMs }) => atMs <= run.startedMs);
  return claims.map(callerInstance).findLast((id) => id !== undefined);
}

function overlap(job: string, earlier: Run, run: Run): Violation {
  const ms = earlier.seenMs - run.startedMs;
  return {
    rule: 'overlap',
    subject: job,
    message: `pid ${run.pid} started ${ms} ms before pid ${earlier.pid} ended`,
  };
}

function uncaused(job: string, earlier: Run, run: Run, facts: Facts): Violation {
  const how =
    earlier.status === 0
      ? `attempt ${earlier.attempt} had succeeded`
      : `no end of attempt ${earlier.attempt} is known`;
  return {
    rule: 'run-without-cause',
    subject: job,
    message: `was started again (attempt ${run.attempt}, pid ${run.pid}), although ${how}${describeClaim(earlier, run, facts)}`,
  };
}
