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

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
};
