import type { InstanceRecord } from '../jobs/record.ts';

/** What was wrong with an instance that is gone, with its agent's fatal error. Undefined: not known. */
export function problemOf({ retirement, lastWords }: Pick<InstanceRecord, 'retirement' | 'lastWords'>) {
  const { problem } = retirement ?? {};
  if (problem === undefined || lastWords === undefined) return problem ?? lastWords;
  // mayfly-retire reads the same text from the disk.
  return problem.includes(lastWords) ? problem : `${problem}; fatal error of its agent: ${lastWords}`;
}
