/** More than this at hand gains nothing: it is several receives' worth. */
const MOST = 50;

/**
 * The run time to reckon with after one more job took `runMs`. Rises at once and falls slowly: a prefetched job
 * that waits behind a long one is a job that another instance could have run.
 *
 * @param expectedMs what was reckoned with so far; undefined before the first job
 */
export function expectedRunMs(expectedMs: number | undefined, runMs: number): number {
  if (expectedMs === undefined || runMs >= expectedMs) return runMs;
  return expectedMs * 0.8 + runMs * 0.2;
}

/**
 * How many jobs to hold beyond the free slots: what all slots will start within a second even if they were all
 * filled this moment, so none for jobs of a second or more.
 *
 * @param expectedMs see `expectedRunMs`; undefined, nothing is known and nothing is prefetched
 */
export function prefetchCount(slots: number, expectedMs: number | undefined): number {
  if (expectedMs === undefined) return 0;
  return Math.min(MOST, slots * Math.floor(1000 / Math.max(expectedMs, 1)));
}
