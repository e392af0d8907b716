/** What becomes of a message that the agent cannot settle because AWS refuses the call, perhaps for good. */

/** How long an agent asks again while it holds the message: its instance is busy until then. */
export const SETTLEMENT_PATIENCE_MS = 120_000;

const FIRST_HIDING_MS = 15 * 60_000;
/** SQS hides no message for longer ("Amazon SQS visibility timeout"). */
const LONGEST_HIDING_MS = 12 * 60 * 60_000;

/**
 * For how long the message is hidden then, in milliseconds. Each time that it comes again starts an instance, so it comes
 * half as often each time.
 *
 * @param receiveCount how often SQS has handed the message out, at least 1
 */
export function hidingMs(receiveCount: number): number {
  return Math.min(LONGEST_HIDING_MS, FIRST_HIDING_MS * 2 ** Math.min(Math.max(receiveCount, 1) - 1, 30));
}
