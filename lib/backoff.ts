export interface BackoffBounds {
  /** Upper bound of the first wait. */
  initialMs: number;
  /** What the bound is multiplied by from one wait to the next, at least 1. Default 2. */
  factor?: number;
  /** Upper bound of every wait. */
  maxMs: number;
}

/**
 * How long to wait before the next try: "full jitter" of the AWS Architecture Blog's "Exponential Backoff And
 * Jitter". The wait is random, up to a bound that grows with each try, so that callers that failed together do not
 * retry together.
 *
 * @param tries how many have failed so far, at least 1
 * @param random a number from 0 (included) to 1 (excluded), as `Math.random` gives it
 */
export function backoffMs(bounds: BackoffBounds, tries: number, random: () => number): number {
  // The exponent is bounded because the product would become Infinity, and Infinity * 0 is NaN.
  const { initialMs, factor = 2, maxMs } = bounds;
  const bound = Math.min(maxMs, initialMs * factor ** Math.min(Math.max(tries, 1) - 1, 30));
  return random() * bound;
}
