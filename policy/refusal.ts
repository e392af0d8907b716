/** What AWS refuses an agent that it cannot work without, and for how long. */

/**
 * The calls that are watched. `receive`: a message from the queue. `claim`: a job in the table. `report`: the
 * instance's own report to the table. `worker-role`: AssumeRole of STS for the workers. `secrets`: the secrets of the
 * workers, read with that role.
 */
export type RefusableCall = 'receive' | 'claim' | 'report' | 'worker-role' | 'secrets';

/**
 * `lasting`: access denied, a KMS key that cannot be used, a queue, table or role that does not exist. It lasts until
 * somebody corrects it, and every other instance gets the same answer. `passing`: throttling, an outage, no connection.
 */
export type RefusalKind = 'lasting' | 'passing';

/** Consecutive failures of one kind of call. */
export interface Refusal {
  /** The kind of the latest failure. */
  kind: RefusalKind;
  /** Name and message of the latest error of AWS. Of secrets: which one cannot be read, and why. */
  error: string;
  /** Monotonic milliseconds of the latest failure. */
  atMs: number;
  /** For how long calls were made and failed. */
  forMs: number;
  /** The last part of that time, in which each failure was a lasting one. */
  lastingMs: number;
}

export type Refusals = { readonly [What in RefusableCall]?: Refusal | undefined };

export type RefusalReason =
  | 'cannot-receive'
  | 'cannot-use-table'
  | 'cannot-assume-worker-role'
  | 'cannot-read-secrets';

/**
 * A longer gap between two failures does not count: nothing was tried, because all slots had jobs or the fleet was
 * paused. Failing receives follow each other within 55 s.
 */
const LONGEST_GAP_MS = 60_000;

/** An outage of AWS affects a successor as well, so the agent waits this many times longer for its end. */
export const PASSING_FACTOR = 3;

/**
 * "Common errors" and the errors of each action (API references of SQS, DynamoDB and STS). An invalid token belongs to
 * a role that was deleted.
 */
const LASTING =
  /^(AccessDenied|AuthorizationError|NotAuthorized|UnauthorizedOperation|OptInRequired|InvalidClientTokenId|UnrecognizedClient|QueueDoesNotExist|AWS\.SimpleQueueService\.NonExistentQueue|ResourceNotFound|NoSuchEntity|KMS)/i;
const THROTTLED = /throttl/i;

/** Errors about the item: the table has answered. */
const ABOUT_THE_ITEM = /^(ConditionalCheckFailed|Validation|ItemCollectionSizeLimitExceeded)/;

/** Undefined: the error is an answer, not a refusal. */
export function classifyRefusal({ name }: { name: string }): RefusalKind | undefined {
  if (ABOUT_THE_ITEM.test(name)) return undefined;
  return LASTING.test(name) && !THROTTLED.test(name) ? 'lasting' : 'passing';
}

/**
 * Errors of GetSecretValue and GetParameter that last until somebody corrects the secret or its key. `InvalidRequest`: the
 * secret is scheduled for deletion (API references of Secrets Manager and Systems Manager).
 */
const LASTING_FOR_SECRETS =
  /^(Parameter(Version)?NotFound|InvalidKeyId|InvalidParameter|InvalidRequest|DecryptionFailure|Validation)/;

/** Whether a secret that cannot be read now will be readable without a correction. Every failure is a refusal. */
export function classifySecretFailure(error: { name: string }): RefusalKind {
  return LASTING_FOR_SECRETS.test(error.name) ? 'lasting' : (classifyRefusal(error) ?? 'lasting');
}

/** The refusal after one more call failed at `atMs`, in monotonic milliseconds. */
export function addFailure(
  before: Refusal | undefined,
  failure: { kind: RefusalKind; error: string; atMs: number },
): Refusal {
  const gapMs = before ? Math.min(failure.atMs - before.atMs, LONGEST_GAP_MS) : 0;
  const lastingMs = failure.kind === 'lasting' && before?.kind === 'lasting' ? before.lastingMs + gapMs : 0;
  return { ...failure, forMs: (before?.forMs ?? 0) + gapMs, lastingMs };
}

/** Calls that are made only for a job. The others are repeated. */
const MADE_FOR_JOBS: ReadonlySet<string> = new Set<RefusableCall>(['claim', 'worker-role', 'secrets']);

/**
 * The refusals that count now. A refused claim does not count for long if no job has come since: otherwise an idle
 * instance would never retire.
 *
 * @param nowMs monotonic milliseconds
 */
export function currentRefusals(refusals: Refusals, nowMs: number, refusalMs: number): Refusals {
  const present = Object.entries(refusals).filter(
    ([what, refusal]) =>
      refusal && (!MADE_FOR_JOBS.has(what) || nowMs - refusal.atMs < PASSING_FACTOR * refusalMs),
  );
  return Object.fromEntries(present);
}

/**
 * The refusal for which an instance takes no jobs until AWS answers: their workers would fail for lack of it, or could not
 * be started. Undefined: it takes jobs.
 */
export function findHoldingRefusal(refusals: Refusals): 'worker-role' | 'secrets' | undefined {
  return (['worker-role', 'secrets'] as const).find((what) => refusals[what]?.kind === 'lasting');
}

/** The refusal that keeps an instance from working now. If there are several, the one that it would retire for. */
export function findActiveRefusal(refusals: Refusals): { what: RefusableCall; refusal: Refusal } | undefined {
  for (const what of ['worker-role', 'secrets', 'receive', 'claim', 'report'] as const) {
    const refusal = refusals[what];
    if (refusal) return { what, refusal };
  }
  return undefined;
}

/**
 * Whether an instance without a job waits for AWS. Then it is not idle. An instance whose receives were answered before
 * may be idle during an outage, because it knows that the queue was empty.
 */
export function isWaitingForAws(refusals: Refusals, answered: boolean): boolean {
  return !answered || Object.values(refusals).some((refusal) => refusal?.kind === 'lasting');
}
