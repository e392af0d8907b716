/**
 * The cloud's clock. AWS's own periods (metric push, alarm evaluation, schedules, hook time-outs, warm-up) are
 * waited for on this clock and pass `speed` times faster than real time. Left alone: everything that belongs to
 * the queue (visibility, delay, long poll), to jobs (limits, run time) and to the agent (its own timers).
 */
export interface CloudClock {
  /** How many cloud seconds pass in a real one; 1 is AWS's own pace. */
  readonly speed: number;
  /** Wall time, milliseconds since the epoch: real, never sped up, so that time stamps agree everywhere. */
  now(): number;
  /** Runs `task` once after `cloudMs` of the cloud's time. */
  after(cloudMs: number, task: () => void): Cancel;
  /** Runs `task` every `cloudMs` of the cloud's time, never twice at once. */
  every(cloudMs: number, task: () => Promise<void> | void): Cancel;
}

export type Cancel = () => void;
