import { backoffMs } from '../../lib/backoff.ts';
import type { FleetContext } from '../context.ts';
import { ThrottledError, UnreachableError } from '../errors.ts';
import { explainError } from '../explain.ts';
import { LONGEST_OUTAGE_MS } from '../outage.ts';
import { hasEnded, isHalted, isStopping } from './halted.ts';
import type { RequestView, WaitRequestOptions } from './types.ts';

/** After a poll that AWS throttled or did not answer. */
const BACKOFF = { initialMs: 1000, maxMs: 20_000 };

/**
 * Waits until a request has ended, or until nothing of it runs and it waits for a person, or until the time-out. Throttling does not
 * end the wait, nor does a minute without an answer of AWS.
 *
 * @param read reads the request
 */
export async function waitForRequest(
  context: FleetContext,
  read: () => Promise<RequestView>,
  { timeoutSeconds = Number.POSITIVE_INFINITY, pollSeconds = 5, onProgress, signal }: WaitRequestOptions,
): Promise<RequestView> {
  const { clock, random } = context;
  const untilMs = clock.monotonic() + timeoutSeconds * 1000;
  let last = await read();
  let seenMs = clock.monotonic();
  onProgress?.(last);
  for (let refusals = 0; ; ) {
    signal?.throwIfAborted();
    const leftMs = untilMs - clock.monotonic();
    if (hasEnded(last) || (isHalted(last) && !isStopping(last)) || leftMs <= 0) return last;
    const pauseMs = refusals === 0 ? pollSeconds * 1000 : backoffMs(BACKOFF, refusals, random);
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
    try {
      last = await read();
      seenMs = clock.monotonic();
      refusals = 0;
      onProgress?.(last);
    } catch (thrown) {
      const error = explainError(context.facts, thrown);
      const isPatient = clock.monotonic() - seenMs < LONGEST_OUTAGE_MS;
      if (!(error instanceof ThrottledError || (error instanceof UnreachableError && isPatient))) throw error;
      refusals += 1;
    }
  }
}
