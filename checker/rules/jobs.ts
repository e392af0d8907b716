import { findRemovals, isRole } from '../calls.ts';
import type { Facts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';
import { isDeadLetterHidden } from './dead-letters.ts';
import { judgeRecord } from './records.ts';

const GIVEN_UP = new Set(['failed', 'timed_out', 'lost']);

/** Every job that was sent succeeded, is a dead letter with a reason, or is still queued. */
export function judgeJobs(facts: Facts, runs: readonly Run[]): Violation[] {
  return [...facts.sent.flatMap((job) => judgeJob(job, facts, runs)), ...unknownJobs(facts, runs)];
}

function judgeJob(job: string, facts: Facts, runs: readonly Run[]): Violation[] {
  const deadLetters = facts.deadLetters.filter((one) => one.job === job);
  const hasSucceeded = runs.some((run) => run.job === job && run.status === 0);
  const isVisible = facts.queue.visible.includes(job);
  const mayBeHidden = isDeadLetterHidden(job, facts);
  const gaveUp = !facts.records || GIVEN_UP.has(facts.records.find(({ id }) => id === job)?.state ?? '');
  const accounted =
    hasSucceeded ||
    deadLetters.length > 0 ||
    isVisible ||
    isCancelledOrRemoved(job, facts) ||
    (gaveUp && mayBeHidden);
  const violations: Violation[] = [];
  if (!accounted && facts.queue.inFlight === 0) {
    violations.push({
      rule: 'lost',
      subject: job,
      message: 'was sent, but has neither succeeded nor been dead-lettered nor is it queued',
    });
  }
  for (const { reason } of deadLetters) {
    if (reason) continue;
    violations.push({ rule: 'no-reason', subject: job, message: 'was dead-lettered without a reason' });
  }
  if (hasSucceeded && deadLetters.length > 0) {
    violations.push({
      rule: 'succeeded-twice',
      subject: job,
      message: 'succeeded and was dead-lettered as well',
    });
  }
  return [
    ...violations,
    ...judgeRecord(job, facts, runs, {
      hasSucceeded,
      isDeadLettered: deadLetters.length > 0,
      isVisible,
      mayBeHidden,
    }),
  ];
}

/** Whether a person cancelled or removed the job. Then it is not lost. */
function isCancelledOrRemoved(job: string, facts: Facts): boolean {
  const record = facts.records?.find(({ id }) => id === job);
  const removals = findRemovals(job, facts.calls);
  const byPerson = !removals.some(isRole);
  if (!record) return removals.length > 0 && byPerson;
  return (record.removed === true && byPerson) || record.state === 'cancelled';
}

function unknownJobs(facts: Facts, runs: readonly Run[]): Violation[] {
  const sent = new Set(facts.sent);
  const unknown = new Set(runs.map(({ job }) => job).filter((job) => !sent.has(job)));
  return [...unknown].map((job) => ({
    rule: 'unknown-job',
    subject: job,
    message: 'was run, but never sent',
  }));
}
