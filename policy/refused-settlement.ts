/** What becomes of a message that the agent cannot settle because AWS refuses the call, perhaps for good. */

import { LONGEST_VISIBILITY_SECONDS } from '../lib/limits.ts';
import type { RefusalKind } from './refusal.ts';

/** How long an agent asks again while it holds the message: its instance is busy until then. */
export const SETTLEMENT_PATIENCE_MS = 120_000;

/** Likewise for a dead letter without a record, while the refusal is one that may pass. */
const PASSING_PATIENCE_MS = 30 * 60_000;

/**
 * How long a dead letter is tried again, in milliseconds. Without a record nothing else keeps the job from another run: there
 * an outage is waited for.
 */
export function deadLetterPatienceMs(isRecorded: boolean, refusal: RefusalKind | undefined): number {
  return !isRecorded && refusal === 'passing' ? PASSING_PATIENCE_MS : SETTLEMENT_PATIENCE_MS;
}

const FIRST_HIDING_MS = 15 * 60_000;
const LONGEST_HIDING_MS = LONGEST_VISIBILITY_SECONDS * 1000;

/**
 * For how long the message is hidden then, in milliseconds. Each time that it comes again starts an instance, so it comes
 * half as often each time. Without a record each time is another run of the job: as rarely as SQS can.
 *
 * @param receiveCount how often SQS has handed the message out, at least 1
 */
export function hidingMs(receiveCount: number, isRecorded: boolean): number {
  if (!isRecorded) return LONGEST_HIDING_MS;
  return Math.min(LONGEST_HIDING_MS, FIRST_HIDING_MS * 2 ** Math.min(Math.max(receiveCount, 1) - 1, 30));
}
