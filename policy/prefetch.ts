/** A larger number would gain nothing, as this many messages take several receives. */
const MOST = 50;

/**
 * The expected run time after one more job took `runMs`. It rises at once and falls slowly: another instance could run
 * a prefetched job that waits behind a long one.
 *
 * @param expectedMs the previous expectation; undefined before the first job
 */
export function expectedRunMs(expectedMs: number | undefined, runMs: number): number {
  if (expectedMs === undefined || runMs >= expectedMs) return runMs;
  return expectedMs * 0.8 + runMs * 0.2;
}

/**
 * How many jobs to hold beyond the free slots: as many as all slots start within a second if all of them were filled
 * now. So none for jobs of a second or more.
 *
 * @param expectedMs see `expectedRunMs`; undefined: nothing is prefetched
 */
export function prefetchCount(slots: number, expectedMs: number | undefined): number {
  if (expectedMs === undefined) return 0;
  return Math.min(MOST, slots * Math.floor(1000 / Math.max(expectedMs, 1)));
}
