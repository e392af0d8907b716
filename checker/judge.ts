import type { Facts, Verdict } from './facts.ts';
import { groupRuns } from './journal.ts';
import { judgeGroups } from './rules/groups.ts';
import { judgeInstances } from './rules/instances.ts';
import { judgeJobs } from './rules/jobs.ts';
import { judgeLogs } from './rules/logs.ts';
import { judgeRequests } from './rules/requests.ts';
import { judgeRuns } from './rules/runs.ts';

/** Checks whether a job was lost or run twice without cause, and whether anything still runs. */
export function judge(facts: Facts): Verdict {
  const runs = groupRuns(facts.journal);
  const { violations: ofRuns, notes } = judgeRuns(facts, runs);
  const violations = [
    ...judgeJobs(facts, runs),
    ...ofRuns,
    ...judgeLogs(facts, runs),
    ...judgeInstances(facts, runs),
    ...(facts.grouped ? judgeGroups(facts.grouped, facts.records ?? []) : []),
    ...(facts.grouped ? judgeRequests(facts.grouped, facts.records ?? []) : []),
  ];
  const succeeded = new Set(runs.filter(({ status }) => status === 0).map(({ job }) => job));
  return {
    ok: violations.length === 0,
    violations,
    notes,
    counts: {
      sent: facts.sent.length,
      succeeded: succeeded.size,
      cancelled: facts.records?.filter(({ state }) => state === 'cancelled').length ?? 0,
      deadLettered: facts.deadLetters.length,
      queued: facts.queue.visible.length + facts.queue.inFlight,
      runs: runs.length,
      instances: facts.instances.length,
    },
  };
}
