import { sleepUnlessAborted } from '../../lib/sleep.ts';
import type { InstanceContext } from './instance-context.ts';

/** Of failures in a row, one of this many is logged. */
const FAILURES_PER_LOG_LINE = 10;

/**
 * Runs a task at once and then every `everyMs`, until the signal is aborted. The interval varies by 10 %, so that the
 * instances of a fleet do not call at the same moments. Logs failures with `message`.
 */
export async function repeat(
  { clock, log, random }: InstanceContext,
  everyMs: number,
  signal: AbortSignal,
  message: string,
  task: () => Promise<void>,
): Promise<void> {
  let failures = 0;
  do {
    try {
      await task();
      failures = 0;
    } catch (error) {
      failures++;
      if (failures % FAILURES_PER_LOG_LINE === 1) log.warn({ err: error, failures }, message);
    }
  } while (await sleepUnlessAborted(clock, everyMs * (0.9 + 0.2 * random()), signal));
}
