import { appendFile, chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListBucketsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { Duration, Stack } from 'aws-cdk-lib';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-files.ts';
import type { CommandResult } from '../../local/machines/machine.ts';
import { eventually } from '../support/eventually.ts';
import { readOutput } from '../support/job-output.ts';
import { VAULT_PASSWORD, vaultValue } from '../support/vault.ts';
import type { MachineFleet } from './support/fleet.ts';
import { TIMEOUT_MS } from './support/fleet.ts';
import { machineFleets } from './support/suite.ts';

const start = machineFleets();

const EXAMPLE = join(packageRoot, 'examples/dictionary');
const workers = await mkdtemp(join(tmpdir(), 'mayfly-set-up-'));
afterAll(() => rm(workers, { recursive: true, force: true }));

/** Runs the same playbook again. */
const AGAIN = 'cd /opt/mayfly/pulled && HOME=/root ansible-playbook -i localhost, -c local ansible/local.yml';

/** Shows what else the role has done. */
const LOOK = `
systemd-analyze cat-config systemd/journald.conf | grep ^SystemMax
stat -c '%U %a %n' /opt/mayfly/node/bin/node /etc/systemd/system/mayfly-agent.service
id -gn mayfly-slot-1
cat /root/told; echo
grep -E '^(ansible-core|jq)\\s' /var/log/mayfly-packages.txt`;

const again = (fleet: MachineFleet, id: string): Promise<CommandResult> =>
  fleet.on(id, '/bin/sh', '-c', AGAIN);

async function ended(fleet: MachineFleet, job: string) {
  const Key = { pk: { S: `job#${job}` } };
  return eventually(
    `the end of ${job}`,
    async () => {
      const { Item } = await fleet.clients.dynamodb.send(
        new GetItemCommand({ TableName: fleet.stack.table, Key, ConsistentRead: true }),
      );
      return Item?.['endedAt'] && Item;
    },
    TIMEOUT_MS,
  );
}

const VAULT = '/dictionary/vault';

/** The example, with a required role and a value of a vault. */
async function withVaultAndRole(): Promise<string> {
  const directory = join(workers, 'dictionary');
  await cp(EXAMPLE, directory, { recursive: true });
  await mkdir(join(directory, 'ours/tasks'), { recursive: true });
  await mkdir(join(directory, 'ours/meta'));
  await writeFile(join(directory, 'ours/meta/main.yml'), 'galaxy_info: {author: us}\ndependencies: []\n');
  await writeFile(
    join(directory, 'ours/tasks/main.yml'),
    '- ansible.builtin.copy: {content: "{{ told }}", dest: /root/told, mode: "0600"}\n',
  );
  await execa('tar', ['-czf', 'ours.tar.gz', 'ours'], { cwd: directory });
  await writeFile(join(directory, 'requirements.yml'), 'roles:\n  - src: ./ours.tar.gz\n    name: ours\n');
  await appendFile(
    join(directory, 'setup.yml'),
    `
- name: Run what it requires
  ansible.builtin.include_role:
    name: ours
  vars:
    told: ${vaultValue('      ')}
`,
  );
  return directory;
}

async function putPassword({ endpoint, region, owner }: MachineFleet['cloud']): Promise<void> {
  const ssm = new SSMClient({ endpoint, region, credentials: owner });
  const password = { Name: VAULT, Value: VAULT_PASSWORD, Type: 'SecureString' } as const;
  await ssm.send(new PutParameterCommand(password)).finally(() => ssm.destroy());
}

test("a stock machine gets its packages and the owner's set-up, runs jobs, and a second run of the playbook changes nothing", async () => {
  const fleet = await start(
    {
      workerDirectory: await withVaultAndRole(),
      setup: 'setup.yml',
      setupRequirements: 'requirements.yml',
      setupVaultPassword: StringParameter.fromSecureStringParameterAttributes(new Stack(), 'Vault', {
        parameterName: VAULT,
      }),
      command: ['./define'],
      // One boot is enough.
      maxCapacity: 1,
      idleTimeout: Duration.minutes(5),
    },
    { image: 'stock' },
  );
  await putPassword(fleet.cloud);
  const [known = '', unknown = ''] = await fleet.send('lease', 'nothing');
  const id = await fleet.instance(0);
  const defined = await ended(fleet, known);
  expect(defined).toMatchObject({ state: { S: 'succeeded' } });
  expect(readOutput(defined)).toContain('the hold of an agent on a job');
  expect(await ended(fleet, unknown)).toMatchObject({ state: { S: 'failed' }, exitStatus: { N: '65' } });

  const { stdout: found } = await fleet.on(id, '/bin/sh', '-c', LOOK);
  expect(found.trim().split('\n')).toEqual([
    'SystemMaxUse=500M',
    'SystemMaxFileSize=50M',
    'root 755 /opt/mayfly/node/bin/node',
    'root 644 /etc/systemd/system/mayfly-agent.service',
    'mayfly-worker',
    'the secret',
    expect.stringMatching(/^ansible-core\t\d/),
    expect.stringMatching(/^jq\t\d/),
  ]);

  // The agent runs jobs before the playbook has ended.
  const gone = ['/bin/sh', '-c', 'test ! -e /run/mayfly-boot/vault-password'];
  await eventually("the end of the vault's password", async () => (await fleet.on(id, ...gone)).status === 0);
  const { status, stdout } = await again(fleet, id);
  expect(stdout).toMatch(/changed=0 .*failed=0/);
  expect(status).toBe(0);
});

test("an owner's set-up that fails makes the boot fail with its name, and its log is saved", async () => {
  const script = join(workers, 'install');
  await cp(join(EXAMPLE, 'define'), join(workers, 'define'));
  await writeFile(script, '#!/bin/sh\necho "no licence for the converter"\nexit 3\n');
  await chmod(script, 0o755);
  const fleet = await start({ workerDirectory: workers, setup: 'install', command: ['./define'] });
  await fleet.send('lease');
  const id = await fleet.instance(0);
  await fleet.gone(id);
  const retirement = (await fleet.record(id))?.['retirement']?.M;
  expect(retirement).toMatchObject({ reason: { S: 'boot-failed' }, rung: { S: 'terminate' } });
  expect(retirement?.['problem']?.S).toMatch(
    /The owner's set-up install failed .*no licence for the converter/,
  );
  expect(await savedLog(fleet, id)).toContain('== mayfly-setup.log\nno licence for the converter\n');
});

/** The log that the instance has saved in the log bucket. */
async function savedLog(fleet: MachineFleet, id: string): Promise<string> {
  const { endpoint, region, owner } = fleet.cloud;
  const s3 = new S3Client({ endpoint, region, credentials: owner, forcePathStyle: true });
  try {
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
    const Bucket = Buckets.map(({ Name = '' }) => Name).find((name) => /logs/i.test(name));
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: `instances/${id}/` }));
    expect(Contents).toHaveLength(1);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: Contents[0]?.Key }));
    return (await Body?.transformToString()) ?? '';
  } finally {
    s3.destroy();
  }
}
