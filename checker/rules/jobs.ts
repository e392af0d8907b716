import type { Facts, RecordFacts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';

/** Every job that was sent has to be somewhere: done, dead-lettered with a reason, or still on the queue. */
export function judgeJobs(facts: Facts, runs: readonly Run[]): Violation[] {
  return [...facts.sent.flatMap((job) => judgeJob(job, facts, runs)), ...unknownJobs(facts, runs)];
}

function judgeJob(job: string, facts: Facts, runs: readonly Run[]): Violation[] {
  const letters = facts.deadLetters.filter((letter) => letter.job === job);
  const done = runs.some((run) => run.job === job && run.status === 0);
  const waiting = facts.queue.visible.includes(job);
  const violations: Violation[] = [];
  if (!done && letters.length === 0 && !waiting && facts.queue.inFlight === 0) {
    violations.push({
      rule: 'lost',
      subject: job,
      message: 'sent, but neither done, dead-lettered nor queued',
    });
  }
  for (const letter of letters) {
    if (letter.reason) continue;
    violations.push({ rule: 'no-reason', subject: job, message: 'dead-lettered, and nobody said why' });
  }
  if (done && letters.length > 0) {
    violations.push({
      rule: 'succeeded-twice',
      subject: job,
      message: 'succeeded, and dead-lettered as well',
    });
  }
  return [...violations, ...judgeRecord(job, facts, { done, dead: letters.length > 0, waiting })];
}

interface Whereabouts {
  done: boolean;
  dead: boolean;
  waiting: boolean;
}

/** The table is what people will look at: it must tell what happened. */
function judgeRecord(job: string, facts: Facts, is: Whereabouts): Violation[] {
  if (!facts.records || facts.queue.inFlight > 0) return [];
  const record = facts.records.find(({ id }) => id === job);
  const wrong = record ? disagreement(record, is) : is.done || is.dead ? 'has no record' : undefined;
  return wrong ? [{ rule: 'record-disagrees', subject: job, message: `the job ${wrong}` }] : [];
}

function disagreement({ state }: RecordFacts, { done, dead, waiting }: Whereabouts): string | undefined {
  switch (state) {
    case 'succeeded':
      return done ? undefined : "is recorded 'succeeded', but no worker says so";
    case 'failed':
    case 'timed_out':
    case 'lost':
      return dead ? undefined : `is recorded '${state}', but is not in the dead-letter queue`;
    case 'queued':
      return waiting ? undefined : "is recorded 'queued', but is not on the queue";
    case 'running':
      return waiting ? undefined : "is recorded 'running', but nobody has it";
    default:
      return undefined;
  }
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
