/** What AWS refuses an agent that it cannot work without, and for how long. */

/**
 * The calls that are watched. `receive`: from the queue. `claim`: of a job in the table. `report`: of the instance itself
 * to the table. `worker-role`: STS's AssumeRole for the workers.
 */
export type Refusable = 'receive' | 'claim' | 'report' | 'worker-role';

/**
 * `lasting`: access denied, a key of KMS that cannot be used, a queue, table or role that is not there. It stays until
 * somebody mends it, and every other instance gets the same answer. `passing`: throttling, an outage, no way to AWS.
 */
export type RefusalKind = 'lasting' | 'passing';

/** Calls of one kind that failed, none of them answered in between. */
export interface Refusal {
  /** Of the latest failure. */
  kind: RefusalKind;
  /** AWS's own words, with the name of the error. */
  error: string;
  /** Monotonic milliseconds of the latest failure. */
  atMs: number;
  /** For how long calls were made and failed. */
  forMs: number;
  /** For how long of that, up to the latest failure, each failure was a lasting one. */
  lastingMs: number;
}

export type Refusals = { readonly [What in Refusable]?: Refusal | undefined };

export type RefusalReason = 'cannot-receive' | 'cannot-use-table' | 'cannot-assume-worker-role';

/**
 * More between two failures does not count: nothing was tried, since all slots had jobs or the fleet was paused. Receives
 * that fail follow each other within 55 s.
 */
const LONGEST_GAP_MS = 60_000;

/** An outage of AWS affects a successor as well, so the agent waits this many times longer for its end. */
export const PASSING_FACTOR = 3;

/**
 * "Common errors" and the errors of each action (API references of SQS, DynamoDB and STS). A token that is not valid is
 * that of a role which was deleted.
 */
const LASTING =
  /^(AccessDenied|AuthorizationError|NotAuthorized|UnauthorizedOperation|OptInRequired|InvalidClientTokenId|UnrecognizedClient|QueueDoesNotExist|AWS\.SimpleQueueService\.NonExistentQueue|ResourceNotFound|NoSuchEntity|KMS)/i;
const THROTTLED = /throttl/i;

/** Says something of the item, not of the table: the table has answered. */
const ABOUT_THE_ITEM = /^(ConditionalCheckFailed|Validation|ItemCollectionSizeLimitExceeded)/;

/** Undefined: it is an answer after all. */
export function refusalKind({ name }: { name: string }): RefusalKind | undefined {
  if (ABOUT_THE_ITEM.test(name)) return undefined;
  return LASTING.test(name) && !THROTTLED.test(name) ? 'lasting' : 'passing';
}

/** The refusal once another call has failed at `atMs`, monotonic milliseconds. */
export function failedAgain(
  before: Refusal | undefined,
  failure: { kind: RefusalKind; error: string; atMs: number },
): Refusal {
  const gapMs = before ? Math.min(failure.atMs - before.atMs, LONGEST_GAP_MS) : 0;
  const lastingMs = failure.kind === 'lasting' && before?.kind === 'lasting' ? before.lastingMs + gapMs : 0;
  return { ...failure, forMs: (before?.forMs ?? 0) + gapMs, lastingMs };
}

/** Calls that are made only when a job is there. The others are made again and again. */
const MADE_FOR_JOBS: ReadonlySet<string> = new Set<Refusable>(['claim', 'worker-role']);

/**
 * The refusals that count now. That a claim was refused, and no job came since, says nothing of the present: it must
 * not keep an idle instance for ever.
 *
 * @param nowMs monotonic milliseconds
 */
export function presentRefusals(refusals: Refusals, nowMs: number, refusalMs: number): Refusals {
  const present = Object.entries(refusals).filter(
    ([what, refusal]) =>
      refusal && (!MADE_FOR_JOBS.has(what) || nowMs - refusal.atMs < PASSING_FACTOR * refusalMs),
  );
  return Object.fromEntries(present);
}

/** The refusal that keeps an instance from its work now; of several the one that it goes for. */
export function refusedNow(refusals: Refusals): { what: Refusable; refusal: Refusal } | undefined {
  for (const what of ['worker-role', 'receive', 'claim', 'report'] as const) {
    const refusal = refusals[what];
    if (refusal) return { what, refusal };
  }
  return undefined;
}

/**
 * Whether an instance without a job waits for AWS rather than for work: then it is not idle. One whose receives were
 * answered before may be idle during an outage: it knew the queue to be empty.
 */
export function waitsForAws(refusals: Refusals, answered: boolean): boolean {
  return !answered || Object.values(refusals).some((refusal) => refusal?.kind === 'lasting');
}
