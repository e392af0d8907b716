import { setTimeout as delay } from 'node:timers/promises';

/** Time, passed in. Agent, keeper, client and command read it from here only. Durations are milliseconds. */
export interface Clock {
  /**
   * AWS's time as far as it is known, in milliseconds since the epoch. For everything that is stored, and for comparing
   * with what another machine stored.
   */
  now(): number;
  /** How far `now()` may be from AWS's time. Undefined: AWS's time is not known yet, and `now()` is the machine's time. */
  errorMs(): number | undefined;
  /** The wall clock of this machine, milliseconds since the epoch. For programs on this machine only. */
  machineNow(): number;
  /** Monotonic milliseconds, for leases, idle time and budgets. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Takes the `Date` header of a response of AWS. Absent: this clock does not learn AWS's time.
   *
   * @param startMs monotonic milliseconds at the start of the call
   */
  learn?(date: string | undefined, startMs: number): void;
}

/** Reason of an abort. Without one, each abort creates an exception with a stack. */
export const NO_LONGER_NEEDED = 'nobody waits for it any more';

/** The clock of this machine, taken as AWS's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  errorMs: () => 0,
  machineNow: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
};
