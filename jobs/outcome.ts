import { type BackoffBounds, backoffMs } from '../lib/backoff.ts';
import { CANCELLED_REASON } from './record.ts';

/** How a try of a job ended, as the agent saw it. */
export type Ending =
  | { kind: 'exited'; status: number }
  /** `reason`: why it ended, if more is known than the signal. */
  | { kind: 'signalled'; signal: string; reason?: string }
  /** It ran past its limit and was stopped. */
  | { kind: 'timed-out'; limitSeconds: number }
  /** It is a health check whose time was over before its command succeeded. `last`: how the command ended last. */
  | { kind: 'check-timed-out'; checkSeconds: number; last?: string }
  /** It was stopped because somebody cancelled the job. */
  | { kind: 'cancelled' }
  /** It was stopped because the agent has to stop. */
  | { kind: 'interrupted' }
  /** It was lost with its slot. Either the machine or the job itself may have ended the slot. */
  | { kind: 'slot-lost'; reason: string }
  /** Its worker failed because of the instance. `problem`: what is wrong with the instance. */
  | { kind: 'unhealthy'; end: Ending; problem: string }
  /** It was stopped before the lease ended, because the lease could not be renewed. */
  | { kind: 'lease-lost' }
  /** Its worker could not be started. The job is not to blame. */
  | { kind: 'not-started'; reason: string }
  /** Its message can never become a job. */
  | { kind: 'refused'; reason: string }
  /** It has no attempt left: its last try was lost with its lease or its instance. */
  | { kind: 'used-up' };

/** What is done with the message. `leave`: nothing. Its lease is lost, and it becomes visible by itself. */
export type MessageAction =
  | { to: 'delete' }
  | { to: 'requeue'; delaySeconds: number }
  | { to: 'dead-letter' }
  | { to: 'leave' };

export interface Outcome {
  /** The job's next state. Undefined: the lease is lost, so nothing may be written. */
  state: 'succeeded' | 'failed' | 'timed_out' | 'cancelled' | 'lost' | 'queued' | undefined;
  /** Whether this try counts towards `maxAttempts`. */
  costsAttempt: boolean;
  action: MessageAction;
  /** Why, for a person. Absent: the job succeeded. */
  reason?: string;
}

export interface TryCounts {
  /** Tries that cost an attempt, this one included. */
  attempts: number;
  /** How often SQS delivered the message, this time included. It also counts the tries that cost no attempt. */
  receiveCount: number;
  /** Time since the message was sent. */
  ageSeconds: number;
  /** Earlier tries that were lost with their slots. */
  slotsLost: number;
  /** Earlier tries after which their instance was found to be unhealthy. */
  unhealthy: number;
  /** Of a job of a group: time since its worker first exited with 75. 0: it has not before. Absent: no group. */
  notNowSeconds?: number;
}

export interface RetryRules {
  maxAttempts: number;
  retryTimedOut: boolean;
  maxJobAgeSeconds: number;
  /** How long the worker of a job of a group may exit with 75, since the first time. Meanwhile it keeps its lane. */
  notNowLimitSeconds: number;
  /** The wait before the next try of a job whose worker failed. */
  backoff: BackoffBounds;
}

/** `sysexits.h`: the input is wrong. A retry would fail too. */
export const EX_DATAERR = 65;
/** `sysexits.h`: a temporary failure. The caller is invited to retry. */
const EX_TEMPFAIL = 75;

const STATUS_NAMES: ReadonlyMap<number, string> = new Map([
  [EX_DATAERR, ' (EX_DATAERR)'],
  [EX_TEMPFAIL, ' (EX_TEMPFAIL)'],
]);

/** By then systemd has ended what was left of the worker in a lost slot. The job must not start before. */
const LEAST_AFTER_LOSS_MS = 5000;

/** Upper bound of the first wait if another instance is to take the job. */
const FIRST_ELSEWHERE_MS = 5000;

/**
 * Tries that cost no attempt because their instance was unhealthy. Two instances can have the same fault. If there are
 * three, the job is taken as the cause.
 */
const MOST_UNHEALTHY = 2;

/** What becomes of a job after a try: the table in docs/contracts.md, "Outcomes". */
export function decideOutcome(
  ending: Ending,
  tries: TryCounts,
  rules: RetryRules,
  random: () => number,
): Outcome {
  switch (ending.kind) {
    case 'exited':
      return afterExit(ending.status, tries, rules, random);
    case 'signalled':
      return afterAttempt(describeEnding(ending), 'failed', tries, rules, random);
    case 'timed-out':
      return rules.retryTimedOut
        ? afterAttempt(describeEnding(ending), 'timed_out', tries, rules, random)
        : giveUp(describeEnding(ending), 'timed_out', true);
    case 'check-timed-out':
      return giveUp(describeEnding(ending), 'timed_out', true);
    case 'cancelled':
      return {
        state: 'cancelled',
        costsAttempt: true,
        action: { to: 'delete' },
        reason: describeEnding(ending),
      };
    case 'interrupted':
      return afterFreeTry(describeEnding(ending), 0, tries, rules);
    case 'slot-lost':
      return afterSlotLoss(describeEnding(ending), tries, rules, random);
    case 'unhealthy':
      return afterUnhealthy(ending, tries, rules, random);
    case 'lease-lost':
      return {
        state: undefined,
        costsAttempt: true,
        action: { to: 'leave' },
        reason: describeEnding(ending),
      };
    case 'not-started':
      return afterFreeTry(describeEnding(ending), elsewhereMs(tries, rules, random), tries, rules);
    case 'refused':
      return giveUp(describeEnding(ending), 'failed', false);
    case 'used-up':
      return giveUp(`lost on attempt ${rules.maxAttempts} of ${rules.maxAttempts}`, 'lost', false);
  }
}

/** How a try ended, for a person. */
export function describeEnding(ending: Ending): string {
  switch (ending.kind) {
    case 'exited':
      return `exit status ${ending.status}${STATUS_NAMES.get(ending.status) ?? ''}`;
    case 'signalled':
      return ending.reason ?? `the worker died of ${ending.signal}`;
    case 'timed-out':
      return `the worker ran past its limit of ${ending.limitSeconds} s`;
    case 'check-timed-out': {
      const last = ending.last === undefined ? '' : `; its last run: ${ending.last}`;
      return `the health check did not succeed within ${ending.checkSeconds} s${last}`;
    }
    case 'cancelled':
      return CANCELLED_REASON;
    case 'interrupted':
      return 'the agent had to go; the worker was stopped';
    case 'unhealthy':
      return `${describeEnding(ending.end)}, which does not count: ${ending.problem}`;
    case 'lease-lost':
      return 'the lease was lost';
    case 'not-started':
      return `the worker could not be started: ${ending.reason}`;
    case 'slot-lost':
    case 'refused':
      return ending.reason;
    case 'used-up':
      return 'its last try was lost';
  }
}

/**
 * Since when a job of a group is not to run now: since the first exit with 75. Tries whose worker did not end by itself say
 * nothing of it.
 *
 * @param sinceMs what the record has, in AWS's time
 * @param endedAtMs when this try ended
 * @returns what the record is to have; undefined: nothing
 */
export function findNotNowSince(
  ending: Ending,
  sinceMs: number | undefined,
  endedAtMs: number,
): number | undefined {
  switch (ending.kind) {
    case 'exited':
      return ending.status === EX_TEMPFAIL ? (sinceMs ?? endedAtMs) : undefined;
    case 'signalled':
    case 'timed-out':
      return undefined;
    default:
      return sinceMs;
  }
}

/**
 * What the end of a try says about its instance. `neither`: nothing, since the input was wrong, somebody stopped the
 * worker, or it never started.
 */
export function classifyEnding(ending: Ending): 'success' | 'failure' | 'neither' {
  if (ending.kind === 'exited') {
    if (ending.status === 0) return 'success';
    return ending.status === EX_DATAERR ? 'neither' : 'failure';
  }
  return FAILURES.has(ending.kind) ? 'failure' : 'neither';
}

const FAILURES: ReadonlySet<Ending['kind']> = new Set(['signalled', 'timed-out', 'slot-lost']);

/** The first lost slot costs no attempt. If a job loses a second one, the job is taken as the cause. */
function afterSlotLoss(reason: string, tries: TryCounts, rules: RetryRules, random: () => number): Outcome {
  if (tries.slotsLost > 0) {
    return afterAttempt(
      `${reason}, not for the first time`,
      'failed',
      tries,
      rules,
      random,
      LEAST_AFTER_LOSS_MS,
    );
  }
  const delayMs = Math.max(LEAST_AFTER_LOSS_MS, elsewhereMs(tries, rules, random));
  return afterFreeTry(reason, delayMs, tries, rules);
}

/** Bounded, so that a job which breaks instances does not break one after the other. */
function afterUnhealthy(
  ending: Extract<Ending, { kind: 'unhealthy' }>,
  tries: TryCounts,
  rules: RetryRules,
  random: () => number,
): Outcome {
  if (tries.unhealthy < MOST_UNHEALTHY) {
    return afterFreeTry(describeEnding(ending), elsewhereMs(tries, rules, random), tries, rules);
  }
  const reason = `${describeEnding(ending.end)}, on one more unhealthy instance: ${ending.problem}`;
  return afterAttempt(reason, 'failed', tries, rules, random);
}

/** The wait after a try that failed because of its instance: another instance may take the job soon. */
function elsewhereMs({ receiveCount }: TryCounts, { backoff }: RetryRules, random: () => number): number {
  const initialMs = Math.min(backoff.initialMs, FIRST_ELSEWHERE_MS);
  return backoffMs({ initialMs, maxMs: backoff.maxMs }, receiveCount, random);
}

function afterExit(status: number, tries: TryCounts, rules: RetryRules, random: () => number): Outcome {
  if (status === 0) return { state: 'succeeded', costsAttempt: true, action: { to: 'delete' } };
  const how = describeEnding({ kind: 'exited', status });
  if (status === EX_DATAERR) return giveUp(`${how}: no further try`, 'failed', true);
  if (status === EX_TEMPFAIL) {
    const delayMs = backoffMs(rules.backoff, tries.receiveCount, random);
    if (tries.notNowSeconds !== undefined) return afterNotNow(how, delayMs, tries.notNowSeconds, rules);
    return afterFreeTry(how, delayMs, tries, rules);
  }
  return afterAttempt(how, 'failed', tries, rules, random);
}

/** After a try that cost an attempt: another try, unless it was the last. */
function afterAttempt(
  reason: string,
  last: 'failed' | 'timed_out',
  tries: TryCounts,
  rules: RetryRules,
  random: () => number,
  leastMs = 0,
): Outcome {
  const which = `${reason}, attempt ${tries.attempts} of ${rules.maxAttempts}`;
  if (tries.attempts >= rules.maxAttempts) return giveUp(which, last, true);
  const delayMs = Math.max(leastMs, backoffMs(rules.backoff, tries.attempts, random));
  return { state: 'queued', costsAttempt: true, action: requeue(delayMs), reason: which };
}

/** After a try that cost no attempt: another try, unless the job is too old. */
function afterFreeTry(reason: string, delayMs: number, tries: TryCounts, rules: RetryRules): Outcome {
  if (tries.ageSeconds <= rules.maxJobAgeSeconds) {
    return { state: 'queued', costsAttempt: false, action: requeue(delayMs), reason };
  }
  const age = `${Math.floor(tries.ageSeconds)} s old, more than the ${rules.maxJobAgeSeconds} s allowed`;
  return giveUp(`${reason}; ${age}`, 'failed', false);
}

/**
 * After exit status 75 of a job of a group: another try, unless its lane has waited for it too long. The last wait ends with
 * the limit, so that the job is tried once more then.
 */
function afterNotNow(reason: string, delayMs: number, sinceSeconds: number, rules: RetryRules): Outcome {
  const { notNowLimitSeconds: limit } = rules;
  const leftSeconds = limit - sinceSeconds;
  if (leftSeconds > 0) {
    const cappedMs = Math.min(delayMs, Math.ceil(leftSeconds) * 1000);
    return { state: 'queued', costsAttempt: false, action: requeue(cappedMs), reason };
  }
  const since = `for ${Math.floor(sinceSeconds)} s, and a job of a group may for ${limit} s (groups.notNowLimit)`;
  return giveUp(`${reason} ${since}`, 'failed', false);
}

function giveUp(reason: string, state: 'failed' | 'timed_out' | 'lost', costsAttempt: boolean): Outcome {
  return { state, costsAttempt, action: { to: 'dead-letter' }, reason };
}

/** SQS takes whole seconds. */
function requeue(delayMs: number): MessageAction {
  return { to: 'requeue', delaySeconds: Math.round(delayMs / 1000) };
}
