import type { Boot, CheckInput } from './check-input.ts';

/** Where the log of a terminated instance is, or that there is none. */
export function describeSavedLog(
  { savedLog }: Boot,
  { fleet, logBucket }: Pick<CheckInput, 'fleet' | 'logBucket'>,
): string {
  if (savedLog) return `Its log: s3://${fleet.logBucket}/${savedLog.key}`;
  return logBucket.error ? 'The bucket could not be searched for its log.' : 'It saved no log.';
}
