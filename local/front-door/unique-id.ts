import { createHash } from 'node:crypto';

/** A unique id as IAM makes them (`AROA...` for a role): the same for the same ARN, so that nothing is random. */
export function uniqueId(prefix: string, arn: string): string {
  return `${prefix}${createHash('sha256').update(arn).digest('hex').toUpperCase().slice(0, 17)}`;
}
