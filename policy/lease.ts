import { SQS_MAX_VISIBILITY_SECONDS } from '../lib/limits.ts';

/**
 * When a lease is renewed, and when its worker has to be stopped.
 *
 * All times are monotonic milliseconds. A lease counts from the START of the call that last extended it. SQS may begin
 * to count at any moment of that call, and the start is the earliest of them.
 */
export interface LeaseTimes {
  renewAtMs: number;
  /** When a worker whose lease could not be renewed gets SIGTERM. */
  stopAtMs: number;
  /** When it gets SIGKILL: early enough that no process of the worker runs when the lease ends. */
  killAtMs: number;
  endsAtMs: number;
}

const LONGEST_HOLD_MS = SQS_MAX_VISIBILITY_SECONDS * 1000;

/** The time that a timer, a signal and the end of a process group may take together. */
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
 * How long a lease can be extended from now: its usual length, or what SQS still allows for a message that was received
 * `sinceReceiveMs` ago. SQS counts whole seconds. 0: it allows no extension.
 */
export function extensionSeconds(leaseSeconds: number, sinceReceiveMs: number): number {
  return Math.max(0, Math.min(leaseSeconds, Math.floor((LONGEST_HOLD_MS - sinceReceiveMs) / 1000)));
}

/**
 * How long a worker that starts now may run: its limit, or what SQS still allows, minus the time that stopping it
 * takes.
 */
export function longestRunMs(limitMs: number, graceMs: number, sinceReceiveMs: number): number {
  return Math.max(0, Math.min(limitMs, LONGEST_HOLD_MS - sinceReceiveMs - graceMs - 2 * KILL_MARGIN_MS));
}
