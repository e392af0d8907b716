import { LONGEST_VISIBILITY_SECONDS } from '../lib/limits.ts';

/**
 * When a lease is renewed, and when the worker under it must have gone.
 *
 * All times are monotonic milliseconds. A lease counts from the START of the call that last extended it: SQS
 * may have begun to count at any moment of that call, so this is the only reading that never hopes.
 */
export interface LeaseTimes {
  renewAtMs: number;
  /** SIGTERM to a worker whose lease could not be renewed by then. */
  stopAtMs: number;
  /** SIGKILL: early enough that nothing of the worker runs when the lease ends. */
  killAtMs: number;
  endsAtMs: number;
}

const LONGEST_HOLD_MS = LONGEST_VISIBILITY_SECONDS * 1000;

/** What a timer, a signal and the death of a process group may take together. */
const KILL_MARGIN_MS = 1000;

export function leaseTimes(startMs: number, leaseMs: number, graceMs: number): LeaseTimes {
  const endsAtMs = startMs + leaseMs;
  const killAtMs = endsAtMs - Math.min(KILL_MARGIN_MS, leaseMs / 10);
  return {
    renewAtMs: startMs + leaseMs / 3,
    stopAtMs: killAtMs - Math.min(graceMs, leaseMs / 3),
    killAtMs,
    endsAtMs,
  };
}

/**
 * How long a lease can be extended from now: its usual length, or what SQS still grants to a message that was
 * received `heldMs` ago. SQS counts whole seconds; 0 means that it grants nothing more.
 */
export function extensionSeconds(leaseSeconds: number, heldMs: number): number {
  return Math.max(0, Math.min(leaseSeconds, Math.floor((LONGEST_HOLD_MS - heldMs) / 1000)));
}

/** How long a worker may run that starts now: its limit, or what SQS still grants, less what stopping it takes. */
export function longestRunMs(limitMs: number, graceMs: number, heldMs: number): number {
  return Math.max(0, Math.min(limitMs, LONGEST_HOLD_MS - heldMs - graceMs - 2 * KILL_MARGIN_MS));
}
