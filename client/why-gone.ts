import type { InstanceRecord } from '../jobs/record.ts';

/** What was wrong with an instance that is gone, in its agent's words too; undefined: nobody has said anything. */
export function problemOf({ retirement, fatalError }: Pick<InstanceRecord, 'retirement' | 'fatalError'>) {
  const { problem } = retirement ?? {};
  if (problem === undefined || fatalError === undefined) return problem ?? fatalError;
  // mayfly-retire has them from the disk.
  return problem.includes(fatalError) ? problem : `${problem}; the last words of its agent: ${fatalError}`;
}
