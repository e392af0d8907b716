import type { Input } from '../../front-door/service.ts';

/** The settings of a table that dynalite does not have. */
export interface TableSettings {
  partitionKey: string | undefined;
  ttlAttribute?: string;
  pointInTimeRecovery: boolean;
  deletionProtection: boolean;
  sse?: Input;
  tags: Map<string, string>;
}

/** The table name in an ARN; a name stays as it is. */
export function parseTableName(arnOrName: string): string {
  return /table\/([^/]+)/.exec(arnOrName)?.[1] ?? arnOrName;
}
