import {
  instanceOf,
  leaseWritten,
  mayHaveSucceeded,
  member,
  stateWritten,
  succeeded,
  writesThatMay,
} from '../calls.ts';
import type { CallFacts, Facts } from '../facts.ts';
import type { Run } from '../journal.ts';

/** Room for clocks that are read apart: this part of a lease. */
const SLACK = 0.1;

/**
 * Why a job that is tracked was taken again after a run that did not fail: a write to its item that hands it back, or a
 * lease that had ended when the next claim was made. A write without an answer may be in the table: on a busy machine
 * agents give calls up that are carried out all the same.
 */
export function causeByTable(earlier: Run, run: Run, facts: Facts): string | undefined {
  const { before, claim } = takeover(earlier, run, facts);
  if (earlier.status === undefined && before.some((call) => stateWritten(call) === 'queued')) {
    return 'it was handed back';
  }
  const takenMs = claim?.atMs ?? run.startedMs;
  const endsMs = leaseEndMs(earlier, before, facts);
  return takenMs >= endsMs - facts.leaseMs * SLACK ? 'its lease ended with nobody renewing it' : undefined;
}

/** What the log tells of a takeover, for the sentence on one without cause. */
export function claimShown(earlier: Run, run: Run, facts: Facts): string {
  if (!facts.records) return '';
  const { before, claim } = takeover(earlier, run, facts);
  if (!claim) return ' and nobody claimed it since';
  const earlyMs = Math.round(leaseEndMs(earlier, before, facts) - claim.atMs);
  return ` and the claim by ${claim.caller} came ${earlyMs} ms before the end of the lease`;
}

/** The first claim after a run had started, and the writes from that run's own claim on up to it. */
function takeover(
  earlier: Run,
  run: Run,
  { calls }: Facts,
): { before: CallFacts[]; claim: CallFacts | undefined } {
  const writes = writesThatMay(run.job, calls)
    .filter(({ atMs }) => atMs <= run.startedMs)
    .toSorted((a, b) => a.atMs - b.atMs);
  const claims = writes.filter((call) => stateWritten(call) === 'running');
  const own = claims.findLast(({ atMs }) => atMs <= earlier.startedMs);
  const later = claims.filter(({ atMs }) => atMs > earlier.startedMs);
  const claim = later.find(succeeded) ?? later.at(-1);
  const fromMs = own?.atMs ?? earlier.startedMs;
  const untilMs = claim?.atMs ?? Number.POSITIVE_INFINITY;
  return { before: writes.filter((call) => call.atMs >= fromMs && call.atMs < untilMs), claim };
}

/**
 * As the table had it. A lease is as long as its writer says: the message may have waited before it was claimed. Where the
 * log does not tell, it is reckoned from the last sign of who had the job.
 */
function leaseEndMs(earlier: Run, before: readonly CallFacts[], { leaseMs }: Facts): number {
  const known = before.filter(succeeded).findLast((call) => leaseWritten(call) !== undefined);
  const told = (known ?? before.find((call) => leaseWritten(call) !== undefined)) as CallFacts | undefined;
  const endsMs = told && leaseWritten(told);
  return endsMs ?? Math.max(earlier.startedMs, ...before.map(({ atMs }) => atMs)) + leaseMs;
}

/**
 * The same without a table, where calls to the queue are the only trace and do not say whose message they are about. A
 * job that succeeded comes again only if its message could not be deleted, or its agent ended before it did so.
 */
export function causeByQueue(earlier: Run, run: Run, facts: Facts): string | undefined {
  const { calls, leaseMs } = facts;
  const until = calls.filter(({ atMs }) => atMs <= run.startedMs);
  if (earlier.status === 0) {
    const during = until.filter(({ atMs }) => atMs >= earlier.startedMs);
    if (during.some((call) => HOLDS.has(call.action) && (!succeeded(call) || call.fault !== undefined))) {
      return 'a call that holds or deletes a message had failed';
    }
    return isLeftUndeleted(earlier, until) ? 'an agent ended before it could delete a message' : undefined;
  }
  const since = until.filter(({ atMs }) => atMs >= earlier.seenMs);
  if (
    since.some((call) => mayHaveSucceeded(call) && hidings(call).some((seconds) => seconds * 1000 < leaseMs))
  ) {
    return 'it was handed back';
  }
  return run.startedMs - earlier.startedMs >= leaseMs * (1 - SLACK)
    ? 'its lease ended with nobody renewing it'
    : undefined;
}

const HOLDS = new Set([
  'ChangeMessageVisibility',
  'ChangeMessageVisibilityBatch',
  'DeleteMessage',
  'DeleteMessageBatch',
]);

/** An agent that lives is heard within this time after a job: it deletes the message, and receives. */
const HEARD_WITHIN_MS = 5_000;
/** What it was at when the worker ended may come to its end without it. */
const LAST_CALLS_MS = 500;
const DELETES = new Set(['DeleteMessage', 'DeleteMessageBatch']);

/**
 * Whether the agent of a run may have ended before it deleted a message, and been started again on the same instance, which
 * takes longer: it deleted nothing and was not heard for a while. Where the run does not say whose it was, it was an
 * instance's that was heard meanwhile: one that was not heard any more, or any, if none of them deleted a message.
 */
function isLeftUndeleted({ startedMs, seenMs, instance }: Run, calls: readonly CallFacts[]): boolean {
  const later = calls.filter(({ atMs }) => atMs >= seenMs);
  const soon = later.filter(({ atMs }) => atMs <= seenMs + HEARD_WITHIN_MS);
  const deleting = instancesOf(soon.filter(({ action }) => DELETES.has(action)));
  const heard = instancesOf(soon.filter(({ atMs }) => atMs > seenMs + LAST_CALLS_MS));
  const isQuiet = (id: string) => !deleting.has(id) && !heard.has(id);
  if (instance !== undefined) return isQuiet(instance);
  const heardLater = instancesOf(later);
  const during = [...instancesOf(calls.filter(({ atMs }) => atMs >= startedMs && atMs <= seenMs))];
  if (during.some((id) => !heardLater.has(id))) return true;
  return during.some(isQuiet) && !during.some((id) => deleting.has(id));
}

function instancesOf(calls: readonly CallFacts[]): Set<string> {
  return new Set(calls.flatMap((call) => instanceOf(call) ?? []));
}

/** For how long a call hides messages, in seconds. */
function hidings(call: CallFacts): number[] {
  if (call.action === 'ChangeMessageVisibility') return [Number(member(call, 'VisibilityTimeout'))];
  const entries = call.action === 'ChangeMessageVisibilityBatch' ? member(call, 'Entries') : undefined;
  if (!Array.isArray(entries)) return [];
  return entries.map((entry: { VisibilityTimeout?: unknown }) => Number(entry.VisibilityTimeout));
}
