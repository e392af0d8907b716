import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { beforeEach, describe } from 'vitest';
import { ansibleEnvironment } from '../../ansible/collection/playbook.ts';
import { ANSIBLE_MISSING, lacksAnsible } from '../../ansible/serial/ansible.ts';
import { describeRuns } from './runs.ts';
import { describeTable } from './table.ts';

const env = ansibleEnvironment(tmpdir());
const [version = ''] = (
  spawnSync('ansible-playbook', ['--version'], { env, encoding: 'utf8' }).stdout ?? ''
).split('\n');

describe(`the Ansible worker, with ${version}`, () => {
  beforeEach(({ skip }) => skip(lacksAnsible(), ANSIBLE_MISSING));
  describeTable(() => undefined);
  describeRuns(() => undefined);
});
