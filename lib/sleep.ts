import type { Clock } from '../aws/clock.ts';

/** Sleeps for `ms` or until the signal is aborted. Returns whether the whole time has passed. */
export async function sleepUnlessAborted(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
