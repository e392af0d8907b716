import { expect, test } from 'vitest';
import { addPlain } from '../../../policy/groups/plain.ts';
import { emptyGroup, type GroupState } from '../../../policy/groups/state.ts';

test('a job that is in its group, or out, is not added once more', () => {
  const job = { number: 0, sinceMs: 0, stage: 'job', release: 1, releasedAtMs: 0 } as const;
  const group: GroupState = { ...addPlain(emptyGroup('web'), [{ id: 'a' }]), out: { b: job } };
  const { plain, out } = addPlain(group, [{ id: 'a', target: 's1' }, { id: 'b' }, { id: 'c' }]);
  expect(plain.jobs).toEqual([{ id: 'a' }, { id: 'c' }]);
  expect(out).toEqual({ b: job });
});
