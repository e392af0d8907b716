import type { Boot, Facts } from './facts.ts';

/** Where the log of an instance is that went, or that there is none: nobody is sent to look for what is not there. */
export function logText(
  { savedLog }: Boot,
  { fleet, logBucket }: Pick<Facts, 'fleet' | 'logBucket'>,
): string {
  if (savedLog) return `Its log: s3://${fleet.logBucket}/${savedLog.key}`;
  return 'unseen' in logBucket ? 'Its log could not be looked for.' : 'It saved no log.';
}
