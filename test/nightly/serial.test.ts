import { test } from 'vitest';
import { ANSIBLE_MISSING, lacksAnsible } from '../ansible/serial/ansible.ts';
import { compareBatches, compareFailures } from '../ansible/serial/compare.ts';

test('hosts are split into batches as Ansible does', async ({ skip }) => {
  if (lacksAnsible()) skip(ANSIBLE_MISSING);
  await compareBatches(30);
});

test('failures end a play as in Ansible, or the next batch begins', async ({ skip }) => {
  if (lacksAnsible()) skip(ANSIBLE_MISSING);
  await compareFailures(250);
});
