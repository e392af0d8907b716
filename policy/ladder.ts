/**
 * The ladder: how an instance ends itself. Each rung is tried until it is accepted, refused for good, or its share of
 * the time budget is used up; then the next one down is tried. The last rung has no end.
 *
 *   terminate -> (must go, refused at the minimum) terminate-without-decrement -> unhealthy -> power-off
 *             -> (healthy, refused at the minimum) back to work
 */

export type Rung = 'terminate' | 'terminate-without-decrement' | 'unhealthy' | 'power-off';

/**
 * What AWS answered. `at-minimum`: the desired capacity cannot be lowered any more. `refused`: this rung will never
 * be granted (access denied, an instance in a warm pool). `unknown-instance`: the group does not have it (any more).
 * `later`: throttled, in conflict, unreachable or broken at the moment.
 */
export type Answer = 'accepted' | 'at-minimum' | 'refused' | 'unknown-instance' | 'later';

export interface Climb {
  rung: Rung;
  /** Calls of this rung that were answered `later`, one after another. */
  failures: number;
}

export interface LadderRules {
  /** May the instance go back to work when the group is at its minimum? */
  mayStay: boolean;
  /** Milliseconds for all rungs above the last, together. */
  budgetMs: number;
}

export type Next =
  | { kind: 'call'; climb: Climb; afterMs: number }
  /** The instance ends: AWS took it in hand. */
  | { kind: 'done' }
  /** The group needs it: back to work. */
  | { kind: 'stay' };

const FIRST_DELAY_MS = 1000;
export const LONGEST_DELAY_MS = 60_000;
/** Of the budget, what asking to be terminated may use; the rest is for asking to be found unhealthy. */
const TERMINATE_SHARE = 0.75;

const REPLACEABLE: ReadonlySet<string> = new Set([
  'spot-interruption',
  'max-age',
  'drained',
  'disk-full',
  'unhealthy',
]);

/**
 * The rung to begin with. Lowering the desired capacity is right where less work is the reason. An instance that must
 * go while jobs wait leaves its place to a successor, and one beyond the desired number has no place to give up.
 */
export function firstRung(reason: string, queueDepth: number | undefined): Rung {
  if (reason === 'surplus' || reason === 'group-deleted') return 'terminate-without-decrement';
  return REPLACEABLE.has(reason) && (queueDepth ?? 0) > 0 ? 'terminate-without-decrement' : 'terminate';
}

/**
 * What to do after an answer. `elapsedMs` is the monotonic time since the first call; `random` in [0, 1) makes the
 * jitter. AccessDenied goes down at once; so does whatever else will not change by waiting.
 */
export function next(
  climb: Climb,
  answer: Answer,
  elapsedMs: number,
  rules: LadderRules,
  random: number,
): Next {
  if (answer === 'accepted') return { kind: 'done' };
  if (climb.rung === 'power-off') return again(climb, random);
  if (answer === 'at-minimum' && climb.rung === 'terminate') {
    return rules.mayStay ? { kind: 'stay' } : goTo('terminate-without-decrement');
  }
  if (answer === 'unknown-instance') return goTo('power-off');
  if (answer !== 'later') return goTo(below(climb.rung));
  if (elapsedMs >= budgetOf(climb.rung, rules.budgetMs)) return goTo(below(climb.rung));
  const retry = again(climb, random);
  const leftMs = budgetOf(climb.rung, rules.budgetMs) - elapsedMs;
  return { ...retry, afterMs: Math.min(retry.afterMs, leftMs) };
}

function budgetOf(rung: Rung, budgetMs: number): number {
  return rung === 'unhealthy' ? budgetMs : budgetMs * TERMINATE_SHARE;
}

function below(rung: Rung): Rung {
  return rung === 'unhealthy' ? 'power-off' : 'unhealthy';
}

function goTo(rung: Rung): Next {
  return { kind: 'call', climb: { rung, failures: 0 }, afterMs: 0 };
}

function again(climb: Climb, random: number): { kind: 'call'; climb: Climb; afterMs: number } {
  const failures = climb.failures + 1;
  return { kind: 'call', climb: { rung: climb.rung, failures }, afterMs: backoffMs(failures, random) };
}

/** Exponential backoff, half of it jitter: a fleet that retires together does not ask together. */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 16));
  return full / 2 + (full / 2) * random;
}

/**
 * Classifies an error of Auto Scaling by its code and message. The minimum is told by the message alone: the code is
 * ValidationError for this and for everything else that is wrong with a call.
 */
export function answerOf(error: { name?: string; message?: string }): Answer {
  const name = error.name ?? '';
  const message = error.message ?? '';
  if (/^(AccessDenied|UnauthorizedOperation|NotAuthorized|OptInRequired)/.test(name)) return 'refused';
  if (!/^Validation(Error|Exception)$/.test(name)) return 'later';
  if (/min(imum)?\s?size|below the minimum/i.test(message)) return 'at-minimum';
  if (/not found|No managed instance/i.test(message)) return 'unknown-instance';
  return 'refused';
}
