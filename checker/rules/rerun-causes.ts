import {
  callerInstance,
  findPossibleWrites,
  mayHaveSucceeded,
  readInput,
  succeeded,
  writtenLeaseMs,
  writtenState,
} from '../calls.ts';
import type { CallFacts, Facts } from '../facts.ts';
import type { Run } from '../journal.ts';

/** Tolerance for clocks that differ, as a part of a lease. */
const SLACK = 0.1;

/**
 * Why a tracked job was claimed again after a run that did not fail: a write to its item requeued it, or its lease had
 * ended at the next claim. Writes without an answer count, because on a busy machine calls that time out are carried
 * out later.
 */
export function findCauseInTable(earlier: Run, run: Run, facts: Facts): string | undefined {
  const { before, claim } = takeover(earlier, run, facts);
  if (earlier.status === undefined && before.some((call) => writtenState(call) === 'queued')) {
    return 'it was requeued';
  }
  const claimedMs = claim?.atMs ?? run.startedMs;
  const endsMs = leaseEndMs(earlier, before, facts);
  return claimedMs >= endsMs - facts.leaseMs * SLACK ? 'its lease ended without renewal' : undefined;
}

/** Describes the claim of a run without cause. It continues the violation's sentence. */
export function describeClaim(earlier: Run, run: Run, facts: Facts): string {
  if (!facts.records) return '';
  const { before, claim } = takeover(earlier, run, facts);
  if (!claim) return ' and no instance has claimed it since';
  const earlyMs = Math.round(leaseEndMs(earlier, before, facts) - claim.atMs);
  return ` and the claim by ${claim.caller} came ${earlyMs} ms before the end of the lease`;
}

/** The first claim after a run started, and the writes from that run's own claim up to it. */
function takeover(
  earlier: Run,
  run: Run,
  { calls }: Facts,
): { before: CallFacts[]; claim: CallFacts | undefined } {
  const writes = findPossibleWrites(run.job, calls)
    .filter(({ atMs }) => atMs <= run.startedMs)
    .toSorted((a, b) => a.atMs - b.atMs);
  const claims = writes.filter((call) => writtenState(call) === 'running');
  const own = claims.findLast(({ atMs }) => atMs <= earlier.startedMs);
  const later = claims.filter(({ atMs }) => atMs > earlier.startedMs);
  const claim = later.find(succeeded) ?? later.at(-1);
  const fromMs = own?.atMs ?? earlier.startedMs;
  const untilMs = claim?.atMs ?? Number.POSITIVE_INFINITY;
  return { before: writes.filter((call) => call.atMs >= fromMs && call.atMs < untilMs), claim };
}

/**
 * The end of the lease in the table, as its last write set it. If the log has no such write, the lease is assumed to
 * begin with the last write to the job's item.
 */
function leaseEndMs(earlier: Run, before: readonly CallFacts[], { leaseMs }: Facts): number {
  const known = before.filter(succeeded).findLast((call) => writtenLeaseMs(call) !== undefined);
  const write = (known ?? before.find((call) => writtenLeaseMs(call) !== undefined)) as CallFacts | undefined;
  const endsMs = write && writtenLeaseMs(write);
  return endsMs ?? Math.max(earlier.startedMs, ...before.map(({ atMs }) => atMs)) + leaseMs;
}

/**
 * The same without a table. Then only calls to the queue are known, and they do not identify the job. A job that
 * succeeded is received again only if its message could not be deleted, or its agent ended before it deleted the
 * message.
 */
export function findCauseInQueue(earlier: Run, run: Run, facts: Facts): string | undefined {
  const { calls, leaseMs } = facts;
  const until = calls.filter(({ atMs }) => atMs <= run.startedMs);
  if (earlier.status === 0) {
    const during = until.filter(({ atMs }) => atMs >= earlier.startedMs);
    if (during.some((call) => HOLDS.has(call.action) && (!succeeded(call) || call.fault !== undefined))) {
      return 'a call that changes the visibility of a message or deletes it had failed';
    }
    return isLeftUndeleted(earlier, until) ? 'an agent ended before it could delete a message' : undefined;
  }
  const since = until.filter(({ atMs }) => atMs >= earlier.seenMs);
  if (
    since.some(
      (call) =>
        mayHaveSucceeded(call) && visibilityTimeouts(call).some((seconds) => seconds * 1000 < leaseMs),
    )
  ) {
    return 'it was requeued';
  }
  return run.startedMs - earlier.startedMs >= leaseMs * (1 - SLACK)
    ? 'its lease ended without renewal'
    : undefined;
}

const HOLDS = new Set([
  'ChangeMessageVisibility',
  'ChangeMessageVisibilityBatch',
  'DeleteMessage',
  'DeleteMessageBatch',
]);

/** A running agent makes a call within this time after a job: it deletes the message, and receives. */
const NEXT_CALL_MS = 5_000;
/** Calls that were in progress when the agent ended may be logged up to this long after. */
const LAST_CALLS_MS = 500;
const DELETES = new Set(['DeleteMessage', 'DeleteMessageBatch']);

/**
 * Whether the agent of a run may have ended before it deleted the message, perhaps to be started again on the same
 * instance. Then it deleted no message and made no call for a while. If the run does not name its instance, each
 * instance that made calls during the run may be its own: one that made none afterwards, or one that was quiet if none
 * of them deleted a message.
 */
function isLeftUndeleted({ startedMs, seenMs, instance }: Run, calls: readonly CallFacts[]): boolean {
  const later = calls.filter(({ atMs }) => atMs >= seenMs);
  const soon = later.filter(({ atMs }) => atMs <= seenMs + NEXT_CALL_MS);
  const deleting = instancesOf(soon.filter(({ action }) => DELETES.has(action)));
  const active = instancesOf(soon.filter(({ atMs }) => atMs > seenMs + LAST_CALLS_MS));
  const isQuiet = (id: string) => !deleting.has(id) && !active.has(id);
  if (instance !== undefined) return isQuiet(instance);
  const activeLater = instancesOf(later);
  const during = [...instancesOf(calls.filter(({ atMs }) => atMs >= startedMs && atMs <= seenMs))];
  if (during.some((id) => !activeLater.has(id))) return true;
  return during.some(isQuiet) && !during.some((id) => deleting.has(id));
}

function instancesOf(calls: readonly CallFacts[]): Set<string> {
  return new Set(calls.flatMap((call) => callerInstance(call) ?? []));
}

/** The visibility timeouts that a call sets, in seconds. */
function visibilityTimeouts(call: CallFacts): number[] {
  if (call.action === 'ChangeMessageVisibility') return [Number(readInput(call, 'VisibilityTimeout'))];
  const entries = call.action === 'ChangeMessageVisibilityBatch' ? readInput(call, 'Entries') : undefined;
  if (!Array.isArray(entries)) return [];
  return entries.map((entry: { VisibilityTimeout?: unknown }) => Number(entry.VisibilityTimeout));
}
