import { describe } from 'vitest';
import { describeRuns } from '../workers/ansible/runs.ts';
import { describeTable } from '../workers/ansible/table.ts';
import { findAnsibleOfDebian13 } from '../workers/ansible/versions.ts';

describe('the Ansible worker, with the ansible-core 2.19 of Debian 13', () => {
  describeTable(findAnsibleOfDebian13);
  describeRuns(findAnsibleOfDebian13);
});
