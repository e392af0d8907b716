import type { Duration } from 'aws-cdk-lib';
import { DEFAULT_RETRY_BACKOFF } from '../../agent/config/agent-config.ts';
import { SQS_MAX_VISIBILITY_SECONDS } from '../../lib/limits.ts';
import { duration, number } from './checks.ts';
import { toSeconds } from './conversions.ts';
import { type PropRows, settingsFrom } from './rows.ts';

/** How long a job waits before it is tried again. */
export interface RetryBackoffProps {
  /**
   * Longest time that the first wait may take: 0 seconds to 12 hours, at most `longest`.
   *
   * @default - 2 minutes, or `longest` if that is shorter
   */
  readonly first?: Duration;
  /**
   * What the longest time is multiplied by after each wait: 1 to 100.
   *
   * @default 5
   */
  readonly factor?: number;
  /**
   * Longest time that any wait may take: 0 seconds to 12 hours. Source: the longest visibility timeout of SQS is 12
   * hours, counted from the start of the try ("Amazon SQS visibility timeout").
   *
   * @default - 15 minutes, or `first` if that is longer
   */
  readonly longest?: Duration;
}

export interface RetryBackoffSettings {
  firstSeconds: number;
  factor: number;
  longestSeconds: number;
}

export const retryBackoffRows = {
  first: { check: duration(0, SQS_MAX_VISIBILITY_SECONDS), setting: 'firstSeconds', convert: toSeconds },
  factor: { check: number(1, 100), default: DEFAULT_RETRY_BACKOFF.factor },
  longest: { check: duration(0, SQS_MAX_VISIBILITY_SECONDS), setting: 'longestSeconds', convert: toSeconds },
} satisfies PropRows<RetryBackoffProps>;

/** A default gives way to the bound that is given: it is shortened to `longest` or extended to `first`. */
export function toRetryBackoff(given: RetryBackoffProps): RetryBackoffSettings {
  const {
    firstSeconds: first,
    factor,
    longestSeconds: longest,
  } = settingsFrom(retryBackoffRows, given, given);
  const defaults = DEFAULT_RETRY_BACKOFF;
  return {
    firstSeconds: first ?? Math.min(defaults.firstSeconds, longest ?? defaults.longestSeconds),
    factor,
    longestSeconds: longest ?? Math.max(defaults.longestSeconds, first ?? 0),
  };
}
