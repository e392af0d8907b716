import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Duration, Size, Stack } from 'aws-cdk-lib';
import { InstanceType } from 'aws-cdk-lib/aws-ec2';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../../agent/config/read-config.ts';
import { readMachineFiles } from '../../../infra/instance/machine-files.ts';
import { NODE_PACKAGES } from '../../../infra/instance/node-asset.ts';
import { measureBytes } from '../../../infra/instance/user-data.ts';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import { EC2_MAX_USER_DATA_BYTES } from '../../../lib/limits.ts';
import { onlyResource, synthFleet, synthTemplate, toText } from '../../support/synthesised.ts';

interface CloudConfig {
  write_files: { path: string; permissions: string; content: string; encoding?: string }[];
  runcmd: string[][];
}

/** User-data as an instance reads it, with the references resolved as by a deployment. */
function userDataOf(props?: WorkerFleetProps): string {
  const { resource } = onlyResource(synthTemplate(props), 'AWS::EC2::LaunchTemplate');
  const data = resource.Properties['LaunchTemplateData'] as { UserData: unknown };
  return toText(data.UserData)
    .replaceAll('<FleetDeadLetter', 'https://sqs.us-east-1.amazonaws.com/123456789012/<FleetDeadLetter')
    .replaceAll('<FleetQueue', 'https://sqs.us-east-1.amazonaws.com/123456789012/<FleetQueue')
    .replaceAll(/<FleetWorkerRole\w*\.Arn>/g, 'arn:aws:iam::123456789012:role/workers')
    .replaceAll('<AWS::Region>', 'us-east-1');
}

const cloudConfigOf = (props?: WorkerFleetProps) =>
  parse(userDataOf(props), { version: '1.1' }) as CloudConfig;

function fileOf(config: CloudConfig, path: string): string {
  const file = config.write_files.find((candidate) => candidate.path === path);
  if (!file) throw new Error(`no ${path} in write_files`);
  if (file.encoding === undefined) return file.content;
  expect(file.encoding).toBe('gz+b64');
  return gunzipSync(Buffer.from(file.content, 'base64')).toString();
}

/** A worker directory with a set-up of each kind, and their requirements. */
const WORKERS = mkdtempSync(join(tmpdir(), 'mayfly-workers-'));
for (const [name, mode, content] of [
  ['hello', 0o755, ''],
  ['setup/install.sh', 0o755, ''],
  ['setup.yml', 0o644, '[{"ansible.builtin.debug": {}}]'],
  ['site.yml', 0o644, '[{"hosts": "localhost"}]'],
  ['roles/ours/tasks/main.yml', 0o644, ''],
  ['requirements.yml', 0o644, '{"collections": ["community.docker"]}'],
] as const) {
  mkdirSync(dirname(join(WORKERS, name)), { recursive: true });
  writeFileSync(join(WORKERS, name), content);
  chmodSync(join(WORKERS, name), mode);
}
afterAll(() => rmSync(WORKERS, { recursive: true, force: true }));

const agentConfigOf = (props?: WorkerFleetProps) =>
  parseConfig(fileOf(cloudConfigOf(props), '/etc/mayfly/agent.json'), 'agent.json');

const DATABASE = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf';

/** Characters that need quoting in JSON, YAML or CloudFormation. */
const GREETING = ['two\nlines: "x" \\ ', '{NOT_A_REFERENCE} é # no comment'].join('$');

describe('user-data', () => {
  it("is a cloud-config that writes the fleet's own files and one with all others", () => {
    expect(userDataOf()).toMatch(/^#cloud-config\n/);
    const { write_files } = cloudConfigOf();
    expect(write_files.map(({ path, permissions }) => [path, permissions])).toEqual([
      ['/etc/mayfly/agent.json', '0644'],
      ['/etc/mayfly/tree.json', '0644'],
      ['/etc/systemd/system/mayfly-agent.service.d/fleet.conf', '0644'],
      ['/etc/systemd/system/mayfly-retire.service.d/fleet.conf', '0644'],
      ['/etc/systemd/system/mayfly-deadman.service.d/fleet.conf', '0644'],
      ['/usr/local/lib/mayfly/put-in-place', '0644'],
    ]);
  });

  it("starts the dead man's timer before anything that can fail or hang", () => {
    expect(cloudConfigOf().runcmd).toEqual([
      ['sh', '/usr/local/lib/mayfly/put-in-place'],
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', '--now', 'mayfly-deadman.timer'],
      ['/usr/local/sbin/mayfly-boot'],
    ]);
  });

  it('writes each file of an instance with its mode and all its lines', async () => {
    const script = fileOf(cloudConfigOf(), '/usr/local/lib/mayfly/put-in-place');
    const machine = mkdtempSync(join(tmpdir(), 'mayfly-user-data-'));
    try {
      await execa('sh', {
        input: script.replaceAll(/^(mkdir -p |cat >|chmod \d+ )(?=\/)/gm, `$1${machine}`),
      });
      for (const { path, mode, content } of readMachineFiles()) {
        expect(readFileSync(join(machine, path), 'utf8'), path).toBe(content);
        expect(statSync(join(machine, path)).mode & 0o777, path).toBe(Number.parseInt(mode, 8));
      }
    } finally {
      rmSync(machine, { recursive: true, force: true });
    }
  });

  it("has the fleet's times for the units, which are the same for each fleet", () => {
    const config = cloudConfigOf({
      drain: Duration.minutes(10),
      grace: Duration.seconds(30),
      retirementBudget: Duration.minutes(20),
      bootBudget: Duration.minutes(6),
      stopGrace: Duration.hours(1),
    });
    const dropIn = (unit: string) => fileOf(config, `/etc/systemd/system/${unit}.d/fleet.conf`);
    expect(dropIn('mayfly-agent.service')).toContain('TimeoutStopSec=690\n');
    expect(dropIn('mayfly-retire.service')).toContain('TimeoutStartSec=2100\n');
    expect(dropIn('mayfly-deadman.service')).toContain(
      'Environment=MAYFLY_BOOT_SECONDS=360 MAYFLY_STOP_SECONDS=3600\n',
    );
  });

  it('has the location of the tree', () => {
    const tree = JSON.parse(fileOf(cloudConfigOf(), '/etc/mayfly/tree.json'));
    expect(tree).toEqual({
      bucket: expect.stringMatching(/^cdk-.*-assets-/),
      key: expect.stringMatching(/^[0-9a-f]{64}\.zip$/),
      region: 'us-east-1',
      contentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      node: {
        bucket: expect.stringMatching(/^cdk-.*-assets-/),
        key: expect.stringMatching(/^[0-9a-f]{64}\.tgz$/),
        integrity: expect.stringMatching(/^sha512-/),
      },
    });
  });

  it("names the Node.js of the types' architecture", () => {
    const nodeOf = (type: string) =>
      JSON.parse(fileOf(cloudConfigOf({ instanceTypes: [new InstanceType(type)] }), '/etc/mayfly/tree.json'))
        .node;
    expect(nodeOf('m6g.large').integrity).toBe(NODE_PACKAGES.arm64.integrity);
    expect(nodeOf('m6i.large').integrity).toBe(NODE_PACKAGES.x86_64.integrity);
    expect(nodeOf('m6g.large').key).not.toBe(nodeOf('m6i.large').key);
  });

  const treeOf = (props: WorkerFleetProps) =>
    JSON.parse(fileOf(cloudConfigOf({ workerDirectory: WORKERS, ...props }), '/etc/mayfly/tree.json'));

  it.each([
    ['setup/install.sh', 'program'],
    ['setup.yml', 'tasks'],
    ['site.yml', 'playbook'],
    ['roles/ours', 'role'],
  ])("names the owner's set-up: %s, %s", (setup, setupKind) => {
    const tree = treeOf({ setup });
    expect(tree).toMatchObject({ setup, setupKind });
    expect(tree).not.toHaveProperty('setupRequirements');
    expect(tree).not.toHaveProperty('setupVaultPassword');
  });

  it('names the requirements file and the parameter of the set-up, whose value it does not contain', () => {
    const { stack } = synthFleet();
    const setupVaultPassword = StringParameter.fromSecureStringParameterAttributes(stack, 'Password', {
      parameterName: '/pictures/vault',
    });
    const props = { setup: 'setup.yml', setupRequirements: 'requirements.yml', setupVaultPassword };
    expect(treeOf(props)).toMatchObject({
      setupRequirements: 'requirements.yml',
      setupVaultPassword: '/pictures/vault',
    });
    expect(JSON.stringify(synthTemplate({ workerDirectory: WORKERS, ...props }))).not.toContain('{{resolve:');
  });

  it('fits, with room for an environment of 4,000 bytes', () => {
    expect(measureBytes(userDataOf())).toBeLessThanOrEqual(EC2_MAX_USER_DATA_BYTES - 4000);
  });

  it('is refused at synth if it is too long for a launch', () => {
    const { stack } = synthFleet({ environment: { LONG: 'x'.repeat(EC2_MAX_USER_DATA_BYTES) } });
    const app = stack.node.root as unknown as { synth(): void };
    expect(() => app.synth()).toThrow(/user-data is about \d+ bytes; allowed: at most 16384\..*environment/);
  });
});

describe('the size of user-data', () => {
  it.each([
    ['a text', 'é', 2],
    ['a reference', { Ref: 'Queue' }, 160],
    ['a join', { 'Fn::Join': ['', ['ab', { Ref: 'Queue' }, 'c']] }, 163],
  ])('of %s', (_, resolved, bytes) => {
    expect(measureBytes(resolved)).toBe(bytes);
  });
});

describe("the agent's configuration", () => {
  it('is complete without props', () => {
    expect(agentConfigOf()).toMatchObject({
      fleet: 'Test/Fleet',
      region: 'us-east-1',
      queueUrl: expect.stringContaining('<FleetQueue'),
      deadLetterQueueUrl: expect.stringContaining('<FleetDeadLetterQueue'),
      table: expect.stringMatching(/^<FleetTable/),
      trackJobs: true,
      command: ['./hello'],
      concurrency: 1,
      limitSeconds: 3600,
      maxLimitSeconds: 3600,
      leaseSeconds: 60,
      maxAttempts: 3,
      messageAttributes: false,
      retryBackoff: { firstSeconds: 120, factor: 5, longestSeconds: 900 },
      minFreeDiskBytes: 256 * 1024 ** 2,
      retirement: { billing: 'auto', ladderSeconds: 600, refusalSeconds: 300 },
      launchHook: 'launch',
      terminationHook: 'termination',
    });
    expect(agentConfigOf().retirement).not.toHaveProperty('idleSeconds');
  });

  it('lacks what the agent has by default of groups, so that fleets without groups keep their user-data', () => {
    expect(userDataOf({ groups: { lanes: 1, checkLimit: Duration.hours(1) } })).toEqual(userDataOf());
    expect(userDataOf({ groups: { lanes: 2 } })).not.toEqual(userDataOf());
  });

  it('has the values of the props', () => {
    const config = agentConfigOf({
      fleetName: 'thumbnails',
      command: ['convert', '-', 'png:-'],
      environment: { GREETING },
      secrets: { DB: Secret.fromSecretCompleteArn(new Stack(), 'Database', DATABASE) },
      messageAttributes: true,
      concurrency: 4,
      limit: Duration.hours(2),
      maxLimit: Duration.hours(3),
      grace: Duration.seconds(30),
      lease: Duration.minutes(5),
      maxAttempts: 9,
      retryTimedOut: true,
      retryBackoff: { first: Duration.seconds(7), factor: 3, longest: Duration.minutes(4) },
      instanceCheck: ['nvidia-smi', '--list-gpus'],
      commands: { healthy: ['curl', '-f', 'localhost'], undo: ['./hello'] },
      groups: {
        lanes: '10%',
        maxLanes: 7,
        checkLimit: Duration.minutes(5),
        notNowLimit: Duration.minutes(2),
      },
      minFreeDisk: Size.gibibytes(2),
      maxJobAge: Duration.hours(6),
      trackJobs: false,
      recordRetention: Duration.days(1),
      idleTimeout: Duration.seconds(45),
      billing: 'per-second',
      maxAge: Duration.days(7),
      drain: Duration.minutes(10),
      retirementBudget: Duration.minutes(3),
      refusalTimeout: Duration.minutes(7),
      reportInterval: Duration.seconds(20),
      noticeInterval: Duration.millis(500),
      cancelInterval: Duration.seconds(2),
    });
    expect(config).toMatchObject({
      fleet: 'Test/thumbnails',
      command: ['convert', '-', 'png:-'],
      environment: { GREETING },
      secrets: { DB: { source: 'secretsmanager', id: DATABASE } },
      messageAttributes: true,
      concurrency: 4,
      limitSeconds: 7200,
      maxLimitSeconds: 10_800,
      graceSeconds: 30,
      leaseSeconds: 300,
      maxAttempts: 9,
      retryTimedOut: true,
      retryBackoff: { firstSeconds: 7, factor: 3, longestSeconds: 240 },
      instanceCheck: ['nvidia-smi', '--list-gpus'],
      commands: { healthy: ['curl', '-f', 'localhost'], undo: ['./hello'] },
      groups: { lanes: '10%', maxLanes: 7, checkLimitSeconds: 300, notNowLimitSeconds: 120 },
      minFreeDiskBytes: 2 * 1024 ** 3,
      maxJobAgeSeconds: 21_600,
      trackJobs: false,
      recordSeconds: 86_400,
      retirement: {
        idleSeconds: 45,
        billing: 'per-second',
        maxAgeSeconds: 604_800,
        ladderSeconds: 180,
        refusalSeconds: 420,
      },
      drainSeconds: 600,
      reportSeconds: 20,
      noticeSeconds: 0.5,
      cancelSeconds: 2,
    });
  });
});
