import type { InstanceRecord } from '../jobs/record.ts';

/** What was wrong with an instance that is gone, in its agent's words too; undefined: nobody has said anything. */
export function problemOf({ retirement, lastWords }: Pick<InstanceRecord, 'retirement' | 'lastWords'>) {
  const { problem } = retirement ?? {};
  if (problem === undefined || lastWords === undefined) return problem ?? lastWords;
  // mayfly-retire has them from the disk.
  return problem.includes(lastWords) ? problem : `${problem}; the last words of its agent: ${lastWords}`;
}
