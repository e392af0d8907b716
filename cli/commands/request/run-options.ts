import type { RequestOptions } from '../../../client/requests/types.ts';
import { findUsageProblem, type TargetOptions } from './read-targets.ts';

/** The options of `mayfly request run`. */
export interface RunOptions extends TargetOptions {
  size?: number;
  id?: string;
  label?: string;
  async?: number;
  tries?: number;
  serial?: NonNullable<RequestOptions['serial']>;
  throttle?: number;
  maxFail?: NonNullable<RequestOptions['maxFail']>;
  anyErrorsFatal?: true;
  keepGoing?: true;
  pauseAfter?: number;
  healthy?: string;
  onFailure?: string;
  settle?: number;
  checkLimit?: number;
  stops?: 'request' | 'group';
  plan?: true;
  poll: number;
  json?: true;
}

/** What is wrong with how the options are combined. Undefined: nothing. */
export function findRunProblem(options: RunOptions): string | undefined {
  const { healthy, settle, checkLimit, size, targets } = options;
  const problem = findUsageProblem(options);
  if (problem !== undefined) return problem;
  if (size !== undefined && targets === undefined) {
    return '--size needs --targets: an inventory has all servers of a group.';
  }
  if (healthy === undefined && settle !== undefined)
    return '--settle needs --healthy, which names the check.';
  if (healthy === undefined && checkLimit !== undefined) {
    return '--check-limit needs --healthy, which names the check.';
  }
  return undefined;
}

/** The options under the names of the library's. */
export function toRequestOptions(options: RunOptions): RequestOptions {
  const { label, serial, throttle, maxFail, anyErrorsFatal, keepGoing, pauseAfter } = options;
  const { healthy, onFailure, stops, async: limitSeconds, tries: maxAttempts } = options;
  const { settle: settleSeconds, checkLimit: checkSeconds } = options;
  const given = {
    label,
    limitSeconds,
    maxAttempts,
    serial,
    throttle,
    maxFail,
    anyErrorsFatal,
    keepGoing,
    pauseAfter,
    healthy,
    onFailure,
    settleSeconds,
    checkSeconds,
    stops,
  };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as RequestOptions;
}
