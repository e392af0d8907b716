import { describe, test } from 'vitest';
import { ANSIBLE_MISSING, lacksAnsible } from './ansible.ts';
import { compareBatches, compareFailures } from './compare.ts';

/** More of each in test/nightly/serial.test.ts. */
describe('as the real ansible-playbook does', () => {
  test('hosts are split into batches', async ({ skip }) => {
    if (lacksAnsible()) skip(ANSIBLE_MISSING);
    await compareBatches(1);
  });

  test('failures end a play, or the next batch begins', async ({ skip }) => {
    if (lacksAnsible()) skip(ANSIBLE_MISSING);
    await compareFailures(5);
  });
});
