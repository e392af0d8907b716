import type { Boot, Facts } from './facts.ts';

/** Where the log of a terminated instance is, or that there is none. */
export function logText(
  { savedLog }: Boot,
  { fleet, logBucket }: Pick<Facts, 'fleet' | 'logBucket'>,
): string {
  if (savedLog) return `Its log: s3://${fleet.logBucket}/${savedLog.key}`;
  return logBucket.unseen ? 'The bucket could not be searched for its log.' : 'It saved no log.';
}
