/**
 * How long to retry when AWS refuses the call that settles a message, and how long the message is invisible after that.
 */

import { SQS_MAX_VISIBILITY_SECONDS } from '../lib/limits.ts';
import type { RefusalKind } from './refusal.ts';

/** How long an agent retries while it holds the message. Its instance is busy for that time. */
export const SETTLEMENT_RETRY_MS = 120_000;

/** The same for a dead letter without a record, if the refusal may pass. */
const PASSING_PATIENCE_MS = 30 * 60_000;

/**
 * How long sending a dead letter is retried, in milliseconds. Without a record only the dead letter keeps the job from
 * another run, so the agent waits for the end of an outage.
 */
export function deadLetterRetryMs(isRecorded: boolean, refusal: RefusalKind | undefined): number {
  return !isRecorded && refusal === 'passing' ? PASSING_PATIENCE_MS : SETTLEMENT_RETRY_MS;
}

const FIRST_HIDING_MS = 15 * 60_000;
const LONGEST_HIDING_MS = SQS_MAX_VISIBILITY_SECONDS * 1000;

/**
 * For how long the message is made invisible after that, in milliseconds. Each return of the message starts an
 * instance, so the time doubles. Without a record each return runs the job again, so the time is the longest that SQS
 * allows.
 *
 * @param receiveCount how often the message was received, at least 1
 */
export function invisibleMs(receiveCount: number, isRecorded: boolean): number {
  if (!isRecorded) return LONGEST_HIDING_MS;
  return Math.min(LONGEST_HIDING_MS, FIRST_HIDING_MS * 2 ** Math.min(Math.max(receiveCount, 1) - 1, 30));
}
