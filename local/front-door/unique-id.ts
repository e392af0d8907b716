import { createHash } from 'node:crypto';

/** A unique id in IAM's form (`AROA...` for a role). The same ARN always gives the same id. */
export function uniqueId(prefix: string, arn: string): string {
  return `${prefix}${createHash('sha256').update(arn).digest('hex').toUpperCase().slice(0, 17)}`;
}
