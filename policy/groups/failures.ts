/**
 * When failures end a request in a group. Of Ansible's rules these differ:
 *
 * - Ansible goes on by default until a batch has failed whole. Here the first failure trips, because the next job may
 *   take the next server down. A `maxFail` of `100%` is Ansible's default.
 * - Ansible's `max_fail_percentage` counts failed hosts, and no unreachable ones. A job has failed or not: one whose
 *   target was unreachable counts.
 * - Ansible starts the next batch although `max_fail_percentage` or `any_errors_fatal` ended this one, if a host became
 *   unreachable in the same task (ansible/ansible, issues 56265 and 82834). Here nothing starts.
 * - Ansible counts when a task has run on the whole batch. Here jobs are counted as they end, so that jobs of the batch
 *   that have not begun stay back too.
 */

import { isPercent, type Percent, parseAmount, percentageOf } from './percent.ts';

export interface FailurePolicy {
  /** More failures than this, or than this percentage of the batch, trip. Default 0: the first failure trips. */
  maxFail?: number | Percent | undefined;
  /** No failure trips. Default false. */
  keepGoing?: boolean | undefined;
  /** The first failure trips, whatever `maxFail` is. Default false. */
  anyErrorsFatal?: boolean | undefined;
}

export interface BatchFailures {
  /** The jobs of the batch, ended or not. Without batches: all jobs of the request in the group. */
  batchSize: number;
  /** Those that have failed. Failures of earlier batches do not count. */
  batchFailed: number;
}

/**
 * Whether the request trips. It has to be asked whenever a job has failed. A batch that failed whole trips under every
 * `maxFail`, so in batches of one each failure trips.
 */
export function shouldTrip({ batchSize, batchFailed }: BatchFailures, policy: FailurePolicy): boolean {
  const { maxFail = 0, keepGoing = false, anyErrorsFatal = false } = policy;
  if (keepGoing || batchFailed === 0) return false;
  if (anyErrorsFatal || batchFailed >= batchSize) return true;
  return isPercent(maxFail) ? batchFailed / batchSize > percentageOf(maxFail) / 100 : batchFailed > maxFail;
}

/**
 * Throws a `RangeError` that has the name and the value.
 *
 * @param name what the error calls it. Default `maxFail`
 */
export function parseMaxFail(given: string | number, name = 'maxFail'): number | Percent {
  const maxFail = parseAmount(given);
  if (maxFail !== undefined && (isPercent(maxFail) ? percentageOf(maxFail) : maxFail) >= 0) return maxFail;
  throw new RangeError(
    `${name} is '${given}': allowed is a whole number or a whole percentage of at least 0, such as 2 or 30%`,
  );
}

/** The two keys of a policy of which only one can be given. Undefined: it has no such keys. */
export function conflictIn({
  maxFail,
  keepGoing,
  anyErrorsFatal,
}: FailurePolicy): ['keepGoing', 'maxFail' | 'anyErrorsFatal'] | undefined {
  if (!keepGoing) return undefined;
  if (maxFail !== undefined) return ['keepGoing', 'maxFail'];
  return anyErrorsFatal ? ['keepGoing', 'anyErrorsFatal'] : undefined;
}
