import { type BackoffBounds, backoffMs } from '../policy/backoff.ts';
import { CANCELLED } from './record.ts';

/** How a try of a job ended, as the agent saw it. */
export type Ending =
  | { kind: 'exited'; status: number }
  /** `reason`: what it died of, where more is known than the signal. */
  | { kind: 'signalled'; signal: string; reason?: string }
  /** Ran past its limit and was stopped. */
  | { kind: 'timed-out'; limitSeconds: number }
  /** Stopped because somebody wants the job to end. */
  | { kind: 'cancelled' }
  /** Stopped because the agent has to go. */
  | { kind: 'interrupted' }
  /** Lost with its slot, and nobody knows why: the machine may have ended the slot, or the job itself. */
  | { kind: 'slot-lost'; reason: string }
  /** Its worker failed, and the instance is to blame: `problem` is what is wrong with it. */
  | { kind: 'unhealthy'; end: Ending; problem: string }
  /** Its lease could not be renewed, so it was stopped before the lease ended. */
  | { kind: 'lease-lost' }
  /** No process came of it, through no fault of the job's. */
  | { kind: 'not-started'; reason: string }
  /** Its message can never become a job. */
  | { kind: 'refused'; reason: string }
  /** Claimed once more than it may be tried: its last try was lost with its lease or its instance. */
  | { kind: 'used-up' };

/** What becomes of the message. `leave`: it is no longer ours, and becomes visible by itself. */
export type Fate =
  | { to: 'delete' }
  | { to: 'hand-back'; delaySeconds: number }
  | { to: 'dead-letter' }
  | { to: 'leave' };

export interface Outcome {
  /** The job's next state; undefined where the lease is lost and nothing may be written. */
  state: 'succeeded' | 'failed' | 'timed_out' | 'cancelled' | 'lost' | 'queued' | undefined;
  /** Whether this try counts towards `maxAttempts`. */
  costsAttempt: boolean;
  fate: Fate;
  /** Why, for a person; absent when all is well. */
  reason?: string;
}

export interface Tries {
  /** Tries that cost an attempt, this one included. */
  attempts: number;
  /** How often SQS handed the message out, this time included: also counts the tries that cost nothing. */
  receiveCount: number;
  /** Since the message was sent. */
  ageSeconds: number;
  /** Earlier tries that were lost with their slots. */
  slotsLost: number;
  /** Earlier tries after which their instance was found to be unhealthy. */
  unhealthy: number;
}

export interface RetryRules {
  maxAttempts: number;
  retryTimedOut: boolean;
  maxJobAgeSeconds: number;
  /** Before a job is tried again that its worker has failed. */
  backoff: BackoffBounds;
}

/** `sysexits.h`: the input is wrong, and will be the next time too. */
const EX_DATAERR = 65;
/** `sysexits.h`: a passing failure; the caller is invited to try again. */
const EX_TEMPFAIL = 75;

const NAMES: ReadonlyMap<number, string> = new Map([
  [EX_DATAERR, ' (EX_DATAERR)'],
  [EX_TEMPFAIL, ' (EX_TEMPFAIL)'],
]);

/** What a lost slot has left of its worker, systemd ends as soon as it sees the loss. No other worker starts before. */
const LEAST_AFTER_LOSS_MS = 5000;

const FIRST_ELSEWHERE_MS = 5000;

/** Tries that cost nothing as their instance was unhealthy. Two can have the same fault; a job on three breaks them itself. */
const MOST_UNHEALTHY = 2;

/** The table "What comes of it" of docs/design.md. */
export function outcomeOf(ending: Ending, tries: Tries, rules: RetryRules, random: () => number): Outcome {
  switch (ending.kind) {
    case 'exited':
      return exited(ending.status, tries, rules, random);
    case 'signalled':
      return retried(describeEnding(ending), 'failed', tries, rules, random);
    case 'timed-out':
      return rules.retryTimedOut
        ? retried(describeEnding(ending), 'timed_out', tries, rules, random)
        : givenUp(describeEnding(ending), 'timed_out', true);
    case 'cancelled':
      return {
        state: 'cancelled',
        costsAttempt: true,
        fate: { to: 'delete' },
        reason: describeEnding(ending),
      };
    case 'interrupted':
      return again(describeEnding(ending), 0, tries, rules);
    case 'slot-lost':
      return slotLost(describeEnding(ending), tries, rules, random);
    case 'unhealthy':
      return unhealthy(ending, tries, rules, random);
    case 'lease-lost':
      return { state: undefined, costsAttempt: true, fate: { to: 'leave' }, reason: describeEnding(ending) };
    case 'not-started':
      return again(describeEnding(ending), elsewhereMs(tries, rules, random), tries, rules);
    case 'refused':
      return givenUp(describeEnding(ending), 'failed', false);
    case 'used-up':
      return givenUp(`lost on attempt ${rules.maxAttempts} of ${rules.maxAttempts}`, 'lost', false);
  }
}

/** How a try ended, for a person. */
export function describeEnding(ending: Ending): string {
  switch (ending.kind) {
    case 'exited':
      return `exit status ${ending.status}${NAMES.get(ending.status) ?? ''}`;
    case 'signalled':
      return ending.reason ?? `the worker died of ${ending.signal}`;
    case 'timed-out':
      return `the worker ran past its limit of ${ending.limitSeconds} s`;
    case 'cancelled':
      return CANCELLED;
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
 * What the end of a try says of its instance. `neither`: nothing. A wrong input is wrong everywhere; and what somebody
 * stopped, or what never started, says nothing of how jobs end here.
 */
export function resultOf(ending: Ending): 'success' | 'failure' | 'neither' {
  if (ending.kind === 'exited') {
    if (ending.status === 0) return 'success';
    return ending.status === EX_DATAERR ? 'neither' : 'failure';
  }
  return FAILURES.has(ending.kind) ? 'failure' : 'neither';
}

const FAILURES: ReadonlySet<Ending['kind']> = new Set(['signalled', 'timed-out', 'slot-lost']);

/** One slot can be lost through no fault of the job's. A job that loses one again ends its slots itself, for all that is known. */
function slotLost(reason: string, tries: Tries, rules: RetryRules, random: () => number): Outcome {
  if (tries.slotsLost > 0) {
    return retried(`${reason}, not for the first time`, 'failed', tries, rules, random, LEAST_AFTER_LOSS_MS);
  }
  const delayMs = Math.max(LEAST_AFTER_LOSS_MS, elsewhereMs(tries, rules, random));
  return again(reason, delayMs, tries, rules);
}

/** A job that breaks each instance it comes to must not be given one after the other until it is too old. */
function unhealthy(
  ending: Extract<Ending, { kind: 'unhealthy' }>,
  tries: Tries,
  rules: RetryRules,
  random: () => number,
): Outcome {
  if (tries.unhealthy < MOST_UNHEALTHY) {
    return again(describeEnding(ending), elsewhereMs(tries, rules, random), tries, rules);
  }
  const reason = `${describeEnding(ending.end)}, on one more unhealthy instance: ${ending.problem}`;
  return retried(reason, 'failed', tries, rules, random);
}

/** Of a try that failed because of its instance: another instance may have the job soon. */
function elsewhereMs({ receiveCount }: Tries, { backoff }: RetryRules, random: () => number): number {
  const initialMs = Math.min(backoff.initialMs, FIRST_ELSEWHERE_MS);
  return backoffMs({ initialMs, maxMs: backoff.maxMs }, receiveCount, random);
}

function exited(status: number, tries: Tries, rules: RetryRules, random: () => number): Outcome {
  if (status === 0) return { state: 'succeeded', costsAttempt: true, fate: { to: 'delete' } };
  const how = describeEnding({ kind: 'exited', status });
  if (status === EX_DATAERR) return givenUp(`${how}: no further try`, 'failed', true);
  if (status === EX_TEMPFAIL) {
    const delayMs = backoffMs(rules.backoff, tries.receiveCount, random);
    return again(how, delayMs, tries, rules);
  }
  return retried(how, 'failed', tries, rules, random);
}

/** A try that cost an attempt: another one, unless it was the last. */
function retried(
  reason: string,
  last: 'failed' | 'timed_out',
  tries: Tries,
  rules: RetryRules,
  random: () => number,
  leastMs = 0,
): Outcome {
  const which = `${reason}, attempt ${tries.attempts} of ${rules.maxAttempts}`;
  if (tries.attempts >= rules.maxAttempts) return givenUp(which, last, true);
  const delayMs = Math.max(leastMs, backoffMs(rules.backoff, tries.attempts, random));
  return { state: 'queued', costsAttempt: true, fate: handBack(delayMs), reason: which };
}

/** A try that cost nothing: another one, unless the job has grown too old. */
function again(reason: string, delayMs: number, tries: Tries, rules: RetryRules): Outcome {
  if (tries.ageSeconds <= rules.maxJobAgeSeconds) {
    return { state: 'queued', costsAttempt: false, fate: handBack(delayMs), reason };
  }
  const age = `${Math.floor(tries.ageSeconds)} s old, more than the ${rules.maxJobAgeSeconds} s allowed`;
  return givenUp(`${reason}; ${age}`, 'failed', false);
}

function givenUp(reason: string, state: 'failed' | 'timed_out' | 'lost', costsAttempt: boolean): Outcome {
  return { state, costsAttempt, fate: { to: 'dead-letter' }, reason };
}

/** SQS delays by whole seconds. */
function handBack(delayMs: number): Fate {
  return { to: 'hand-back', delaySeconds: Math.round(delayMs / 1000) };
}
