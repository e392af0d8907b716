/** Errors that stay the same until somebody changes the bucket or the role. */
const REFUSALS = new Set(['AccessDenied', 'AllAccessDisabled', 'NoSuchBucket', 'PermanentRedirect']);

/** Whether a bucket refuses a call permanently. Otherwise the same call may succeed later. */
export function isBucketRefusal(error: unknown): boolean {
  return error instanceof Error && REFUSALS.has(error.name);
}
