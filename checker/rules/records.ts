import { findRemovals, findWrites, isRole, requestsCancellation, writtenState } from '../calls.ts';
import type { Facts, RecordFacts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';
import { findTry, MAX_TRIES } from '../tries.ts';

const TERMINAL: ReadonlySet<string | undefined> = new Set([
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'lost',
  'skipped',
]);

const isTerminal = (state: string | undefined): state is string => TERMINAL.has(state);

const isEndOrClaim = (state: string | undefined) => isTerminal(state) || state === 'running';

/** Where a job is, by everything except its record. */
export interface JobLocation {
  /** A worker has succeeded. */
  hasSucceeded: boolean;
  /** It has a dead letter. */
  isDeadLettered: boolean;
  /** Its message is visible on the queue. */
  isVisible: boolean;
  /** It may have a dead letter that cannot be seen. */
  mayBeHidden: boolean;
}

/** The record agrees with what happened, the job ends once, and it does not run after its end. */
export function judgeRecord(
  job: string,
  facts: Facts,
  runs: readonly Run[],
  location: JobLocation,
): Violation[] {
  if (!facts.records || facts.queue.inFlight > 0) return [];
  const record = facts.records.find(({ id }) => id === job);
  const violation = (rule: Violation['rule'], message: string): Violation => ({
    rule,
    subject: job,
    message,
  });
  const disagrees = (message: string | undefined) =>
    message === undefined ? [] : [violation('record-disagrees', `the job ${message}`)];
  const own = runs.filter((run) => run.job === job);
  const { ends, afterwards } = findEnds(job, facts, own);
  const removals = findRemovals(job, facts.calls);
  const common = [
    ...removals
      .filter(isRole)
      .map(({ caller, action }) =>
        violation('record-removed', `lost its record to ${caller} with ${action}`),
      ),
    ...(new Set(ends).size > 1
      ? [violation('ended-twice', `was written ${[...new Set(ends)].join(', then ')}`)]
      : []),
    ...afterwards.map(({ pid }) =>
      violation('run-after-end', `was started (pid ${pid}) after it was ${ends[0]}`),
    ),
  ];
  if (record?.removed || (!record && removals.length > 0)) return common;
  if (!record)
    return [
      ...common,
      ...disagrees(location.hasSucceeded || location.isDeadLettered ? 'has no record' : undefined),
    ];
  const unasked = record.state === 'cancelled' && !(record.cancelRequested && isAskedByPerson(job, facts));
  return [
    ...common,
    ...disagrees(stateWrong(record, location)),
    ...disagrees(triesWrong(record, own)),
    ...disagrees(retryWrong(record, facts.records)),
    ...(unasked ? [violation('cancelled-unasked', 'is cancelled, but nobody requested it')] : []),
  ];
}

/** Agents and the keeper carry out cancellations, and never request them. */
function isAskedByPerson(job: string, facts: Facts): boolean {
  const [first] = findWrites(job, facts.calls).filter(requestsCancellation);
  return first === undefined || !isRole(first);
}

/**
 * The final states that were written since the job was last enqueued, and the runs that began after the first of them.
 */
function findEnds(job: string, facts: Facts, runs: readonly Run[]) {
  const all = findWrites(job, facts.calls);
  // A removed job may be enqueued again under the id of its dedupe key. A claim is not a new beginning.
  const enqueued = all.findLastIndex(
    (call) => call.action === 'PutItem' && !isEndOrClaim(writtenState(call)),
  );
  const writes = all.slice(enqueued + 1).flatMap((call) => {
    const state = writtenState(call);
    return isTerminal(state) ? [{ state, atMs: call.atMs }] : [];
  });
  const [first] = writes;
  return {
    ends: writes.map(({ state }) => state),
    afterwards: first ? runs.filter(({ startedMs }) => startedMs > first.atMs) : [],
  };
}

function stateWrong(
  record: RecordFacts,
  { hasSucceeded, isDeadLettered, isVisible, mayBeHidden }: JobLocation,
): string | undefined {
  const { state, cancelRequested, retriedAs } = record;
  switch (state) {
    case 'succeeded':
      return hasSucceeded ? undefined : "is recorded 'succeeded', but no worker succeeded";
    case 'failed':
    case 'timed_out':
    case 'lost':
      if (isDeadLettered || mayBeHidden || retriedAs !== undefined) return undefined;
      return `is recorded '${state}', but is not in the dead-letter queue`;
    case 'cancelled':
      return isDeadLettered ? "is recorded 'cancelled', but is in the dead-letter queue" : undefined;
    case 'queued':
      if (cancelRequested) return "is recorded 'queued', although its cancellation was requested";
      return isVisible ? undefined : "is recorded 'queued', but is not on the queue";
    case 'running':
      return isVisible ? undefined : "is recorded 'running', but its message is gone";
    default:
      return undefined;
  }
}

/** Each run of a worker has its own try in the record, with the worker's exit status. */
function triesWrong(record: RecordFacts, runs: readonly Run[]): string | undefined {
  const { tries } = record;
  if (!tries || tries.length >= MAX_TRIES) return undefined;
  const seen = new Set<string>();
  for (const run of runs) {
    const one = findTry(run, record);
    if (!one) return `was run (pid ${run.pid}), but its record has no such try`;
    if (seen.has(one.key)) return `was run twice in try ${one.key}`;
    seen.add(one.key);
    const differs = run.status !== undefined && one.exitStatus !== undefined && one.exitStatus !== run.status;
    if (differs) return `exited with ${run.status}, but its record says ${one.exitStatus}`;
  }
  return undefined;
}

function retryWrong({ retryOf }: RecordFacts, records: readonly RecordFacts[]): string | undefined {
  const old = records.find(({ id }) => id === retryOf);
  if (!old || isTerminal(old.state)) return undefined;
  return `is a retry of ${retryOf}, which is still ${old.state}`;
}
