import { setTimeout as delay } from 'node:timers/promises';

/** Time, passed in: nothing else in agent, keeper, cli or jobs reads it. Durations are milliseconds. */
export interface Clock {
  /**
   * AWS's time, as well as it is known, in milliseconds since the epoch: for all that is written, and for comparing with
   * what another machine wrote.
   */
  now(): number;
  /** How far `now()` may be from AWS's time. Undefined: AWS has not told it yet, and `now()` is the machine's own. */
  errorMs(): number | undefined;
  /** This machine's own wall clock, milliseconds since the epoch: for programs on this machine alone. */
  machineNow(): number;
  /** Monotonic milliseconds: for leases, idle time and budgets. Never jumps. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Takes the `Date` header of an answer of AWS. Absent: the clock learns nothing.
   *
   * @param startMs monotonic milliseconds at which the call began
   */
  learn?(date: string | undefined, startMs: number): void;
}

/** Why nobody waits any more. An abort that is given no reason makes an exception for it, with the stack, each time. */
export const NO_LONGER = 'nobody waits for it any more';

/** This machine's clock, taken for AWS's. */
export const systemClock: Clock = {
  now: () => Date.now(),
  errorMs: () => 0,
  machineNow: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
};
