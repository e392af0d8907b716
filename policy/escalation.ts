/**
 * The escalation: how an instance ends itself. Each step is retried until AWS accepts it, AWS refuses it permanently,
 * or its share of the time budget is used up. Then the next step is tried. The last step is retried without end.
 *
 *   terminate -> (must end, refused at the minimum) terminate-without-decrement -> unhealthy -> power-off
 *             -> (may stay, refused at the minimum) back to work
 */

export type EscalationStep = 'terminate' | 'terminate-without-decrement' | 'unhealthy' | 'power-off';

/**
 * What AWS answered. `at-minimum`: the desired capacity is at the group's minimum. `refused`: this step will never
 * succeed (access denied, an instance in a warm pool). `unknown-instance`: the group does not have the instance.
 * `later`: throttled, in conflict, unreachable or an error of the service.
 */
export type Answer = 'accepted' | 'at-minimum' | 'refused' | 'unknown-instance' | 'later';

export interface Escalation {
  step: EscalationStep;
  /** Consecutive calls of this step that were answered `later`. */
  failures: number;
}

export interface EscalationRules {
  /** May the instance go back to work when the group is at its minimum? */
  mayStay: boolean;
  /** Milliseconds for all steps before the last, together. */
  budgetMs: number;
}

export interface EscalationCall {
  kind: 'call';
  escalation: Escalation;
  afterMs: number;
}

export type EscalationDecision =
  | EscalationCall
  /** AWS has accepted: it ends the instance. */
  | { kind: 'done' }
  /** The group is at its minimum and needs the instance: it goes back to work. */
  | { kind: 'stay' };

const FIRST_DELAY_MS = 1000;
export const MAX_DELAY_MS = 60_000;
/** The share of the budget for the terminate calls. The rest is for setting the instance's health to Unhealthy. */
const TERMINATE_SHARE = 0.75;

const REPLACEABLE: ReadonlySet<string> = new Set([
  'spot-interruption',
  'max-age',
  'drained',
  'disk-full',
  'unhealthy',
]);

/**
 * The first step. The desired capacity is lowered if there is less work. It is not lowered if the instance must end
 * while jobs wait, as a successor is needed, nor if the group has more instances than desired.
 */
export function selectFirstStep(reason: string, queueDepth: number | undefined): EscalationStep {
  if (reason === 'surplus' || reason === 'group-deleted') return 'terminate-without-decrement';
  return REPLACEABLE.has(reason) && (queueDepth ?? 0) > 0 ? 'terminate-without-decrement' : 'terminate';
}

/**
 * What to do after an answer. An answer that waiting does not change, such as AccessDenied, leads to the next step at
 * once.
 *
 * @param elapsedMs monotonic time since the first call
 * @param random in [0, 1), for the jitter
 */
export function decideNext(
  current: Escalation,
  answer: Answer,
  elapsedMs: number,
  rules: EscalationRules,
  random: number,
): EscalationDecision {
  if (answer === 'accepted') return { kind: 'done' };
  if (current.step === 'power-off') return retry(current, random);
  if (answer === 'at-minimum' && current.step === 'terminate') {
    return rules.mayStay ? { kind: 'stay' } : goTo('terminate-without-decrement');
  }
  if (answer === 'unknown-instance') return goTo('power-off');
  if (answer !== 'later') return goTo(stepAfter(current.step));
  if (elapsedMs >= budgetOf(current.step, rules.budgetMs)) return goTo(stepAfter(current.step));
  const call = retry(current, random);
  const leftMs = budgetOf(current.step, rules.budgetMs) - elapsedMs;
  return { ...call, afterMs: Math.min(call.afterMs, leftMs) };
}

function budgetOf(step: EscalationStep, budgetMs: number): number {
  return step === 'unhealthy' ? budgetMs : budgetMs * TERMINATE_SHARE;
}

function stepAfter(step: EscalationStep): EscalationStep {
  return step === 'unhealthy' ? 'power-off' : 'unhealthy';
}

function goTo(step: EscalationStep): EscalationDecision {
  return { kind: 'call', escalation: { step: step, failures: 0 }, afterMs: 0 };
}

function retry(current: Escalation, random: number): EscalationCall {
  const failures = current.failures + 1;
  return {
    kind: 'call',
    escalation: { step: current.step, failures },
    afterMs: autoScalingRetryMs(failures, random),
  };
}

/** Exponential backoff, half of it jitter, so that instances that retire together do not call together. */
export function autoScalingRetryMs(failures: number, random: number): number {
  const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 16));
  return full / 2 + (full / 2) * random;
}

/**
 * Classifies an error of Auto Scaling by its code and message. Only the message identifies the minimum, because the
 * code is ValidationError for every invalid call.
 */
export function classifyAnswer(error: { name?: string; message?: string }): Answer {
  const name = error.name ?? '';
  const message = error.message ?? '';
  if (/^(AccessDenied|UnauthorizedOperation|NotAuthorized|OptInRequired)/.test(name)) return 'refused';
  if (!/^Validation(Error|Exception)$/.test(name)) return 'later';
  if (/min(imum)?\s?size|below the minimum/i.test(message)) return 'at-minimum';
  if (/not found|No managed instance/i.test(message)) return 'unknown-instance';
  return 'refused';
}
