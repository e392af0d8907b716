import { describe } from 'vitest';
import { describeWorker } from '../workers/ansible/table.ts';
import { findAnsibleOfDebian13 } from '../workers/ansible/versions.ts';

describe('the Ansible worker, with the ansible-core 2.19 of Debian 13', () => {
  describeWorker(async () => findAnsibleOfDebian13());
});
