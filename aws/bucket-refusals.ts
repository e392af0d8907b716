/** Answers after which the same call is of no use as long as nobody changes the bucket or the role. */
const REFUSALS = new Set(['AccessDenied', 'AllAccessDisabled', 'NoSuchBucket', 'PermanentRedirect']);

/** Whether a bucket refuses a call for good, rather than cannot answer it now. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && REFUSALS.has(error.name);
}
