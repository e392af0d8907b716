/** The keys of bodies in the log bucket. An envelope names one as its `bodyKey`. */

export const BODY_PREFIX = 'bodies/';

export function bodyKey(job: string): string {
  return `${BODY_PREFIX}${job}`;
}

/** The job that a body was enqueued with. After a redrive that is the earlier job. */
export function parseBodyKey(key: string): string {
  return key.slice(BODY_PREFIX.length);
}

/**
 * How long a job may be held without losing its body in the log bucket, whose age counts from when the job was enqueued. Held jobs
 * do not expire, and a rule of the bucket cannot tell their bodies from others.
 */
export const HELD_BODY_DAYS = 60;
