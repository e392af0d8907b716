import { setTimeout as delay } from 'node:timers/promises';

/** Time, passed in: nothing else in agent, keeper or jobs reads it. Durations are milliseconds. */
export interface Clock {
  /** Wall time in milliseconds since the epoch: for records and deadlines that others read. */
  now(): number;
  /** Monotonic milliseconds: for leases, idle time and budgets. Never jumps. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Why nobody waits any more. An abort that is given no reason makes an exception for it, with the stack, each time. */
export const NO_LONGER = 'nobody waits for it any more';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
};
