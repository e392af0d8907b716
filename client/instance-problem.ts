import type { InstanceRecord } from '../jobs/record.ts';

/** What was wrong with an instance that is gone, with its agent's fatal error. Undefined: not known. */
export function describeProblem({
  retirement,
  fatalError,
}: Pick<InstanceRecord, 'retirement' | 'fatalError'>) {
  const { problem } = retirement ?? {};
  if (problem === undefined || fatalError === undefined) return problem ?? fatalError;
  // mayfly-retire reads the same text from the disk.
  return problem.includes(fatalError) ? problem : `${problem}; fatal error of its agent: ${fatalError}`;
}
