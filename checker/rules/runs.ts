import { instanceOf, member, stateWritten, succeeded, writesTo } from '../calls.ts';
import type { CallFacts, Facts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';

/** A job runs again only for a cause, never beside itself, and succeeds once. */
export function judgeRuns(facts: Facts, runs: readonly Run[]): { violations: Violation[]; notes: string[] } {
  const violations: Violation[] = [];
  const notes: string[] = [];
  for (const [job, ofJob] of Map.groupBy(runs, (run) => run.job)) {
    for (const [index, run] of ofJob.entries()) {
      const earlier = ofJob[index - 1];
      if (!earlier) continue;
      if (run.startedMs < earlier.seenMs) violations.push(overlap(job, earlier, run));
      const cause = causeOf(earlier, run, facts);
      if (cause) notes.push(`job ${job} ran again: ${cause}`);
      else violations.push(uncaused(job, earlier, run));
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

/**
 * Why a run came after `earlier`. A failure is enough by itself. Anything else needs a trace: a write to the job's
 * item or a call to the queue that hands it back, or a lease that nobody renewed before the next run began.
 */
function causeOf(earlier: Run, run: Run, facts: Facts): string | undefined {
  if (earlier.status !== undefined && earlier.status !== 0) {
    return `attempt ${earlier.attempt} ended with status ${earlier.status}`;
  }
  const between = facts.calls.filter(({ atMs }) => atMs >= earlier.startedMs && atMs <= run.startedMs);
  const writes = writesTo(run.job, between);
  const owner = earlier.instance ?? ownerOf(earlier, facts);
  if (earlier.status === undefined) {
    if (writes.some((call) => stateWritten(call) === 'queued')) return 'it was handed back';
    if (!facts.records && handedBack(between, owner, facts.leaseMs)) return 'it was handed back';
  }
  return leaseRanOut(earlier, run, owner, facts, between)
    ? 'its lease ended with nobody renewing it'
    : undefined;
}

/** Without a table the only trace of a hand-back is a visibility that is shorter than a lease. */
function handedBack(calls: readonly CallFacts[], owner: string | undefined, leaseMs: number): boolean {
  return visibilityCalls(calls, owner).some((seconds) => seconds * 1000 < leaseMs);
}

function visibilityCalls(calls: readonly CallFacts[], owner: string | undefined): number[] {
  return calls
    .filter((call) => call.service === 'sqs' && succeeded(call) && (!owner || instanceOf(call) === owner))
    .flatMap((call) => {
      if (call.action === 'ChangeMessageVisibility') return [Number(member(call, 'VisibilityTimeout'))];
      if (call.action !== 'ChangeMessageVisibilityBatch') return [];
      const entries = member(call, 'Entries');
      if (!Array.isArray(entries)) return [];
      return entries.map((entry: { VisibilityTimeout?: unknown }) => Number(entry.VisibilityTimeout));
    });
}

/** Room for the time between a call and the log's note of it, and for clocks that are read apart. */
const SLACK = 0.9;

function leaseRanOut(
  earlier: Run,
  run: Run,
  owner: string | undefined,
  facts: Facts,
  between: readonly CallFacts[],
): boolean {
  const writes = facts.records ? writesTo(run.job, between) : [];
  // From its claim on all signs are of the new run, also on the same instance: its agent may have started anew.
  const claimedMs = writes.findLast((call) => stateWritten(call) === 'running')?.atMs ?? run.startedMs;
  const renewals = writes.filter((call) => call.atMs < claimedMs && (!owner || instanceOf(call) === owner));
  const lastSignMs = Math.max(earlier.startedMs, ...renewals.map(({ atMs }) => atMs));
  return run.startedMs - lastSignMs >= facts.leaseMs * SLACK;
}

/** Who had a job when a run of it started: the last instance that wrote its item before. */
export function ownerOf(run: Run, facts: Facts): string | undefined {
  const claims = writesTo(run.job, facts.calls).filter(({ atMs }) => atMs <= run.startedMs);
  return claims.map(instanceOf).findLast((id) => id !== undefined);
}

function overlap(job: string, earlier: Run, run: Run): Violation {
  const ms = earlier.seenMs - run.startedMs;
  return {
    rule: 'overlap',
    subject: job,
    message: `pid ${run.pid} started ${ms} ms before pid ${earlier.pid} was over`,
  };
}

function uncaused(job: string, earlier: Run, run: Run): Violation {
  const how =
    earlier.status === 0
      ? `attempt ${earlier.attempt} had succeeded`
      : `nothing says that attempt ${earlier.attempt} was over`;
  return {
    rule: 'run-without-cause',
    subject: job,
    message: `was started again (attempt ${run.attempt}, pid ${run.pid}), although ${how}`,
  };
}
