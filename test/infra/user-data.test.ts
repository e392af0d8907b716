import { Duration } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../agent/read-config.ts';
import type { WorkerFleetProps } from '../../infra/props.ts';
import { MOST_BYTES, sizeOf } from '../../infra/user-data.ts';
import { flat, fleetOf, only, templateOf } from './synthesised.ts';

interface CloudConfig {
  write_files: { path: string; permissions: string; content: string }[];
  runcmd: string[][];
}

/** User-data as an instance reads it, with references put in as a deployment would. */
function userDataOf(props?: WorkerFleetProps): string {
  const { resource } = only(templateOf(props), 'AWS::EC2::LaunchTemplate');
  const data = resource.Properties['LaunchTemplateData'] as { UserData: unknown };
  return flat(data.UserData)
    .replaceAll('<FleetDeadLetter', 'https://sqs.us-east-1.amazonaws.com/123456789012/<FleetDeadLetter')
    .replaceAll('<FleetQueue', 'https://sqs.us-east-1.amazonaws.com/123456789012/<FleetQueue')
    .replaceAll('<AWS::Region>', 'us-east-1');
}

const cloudConfigOf = (props?: WorkerFleetProps) =>
  parse(userDataOf(props), { version: '1.1' }) as CloudConfig;

function fileOf(config: CloudConfig, path: string): string {
  const file = config.write_files.find((candidate) => candidate.path === path);
  if (!file) throw new Error(`no ${path} in write_files`);
  return file.content;
}

const agentConfigOf = (props?: WorkerFleetProps) =>
  parseConfig(fileOf(cloudConfigOf(props), '/etc/mayfly/agent.json'), 'agent.json');

/** What needs quoting somewhere on the way: in JSON, in YAML, in CloudFormation. */
const GREETING = ['two\nlines: "x" \\ ', '{NOT_A_REFERENCE} é # no comment'].join('$');

describe('user-data', () => {
  it('is a cloud-config that writes three files and starts the boot script', () => {
    expect(userDataOf()).toMatch(/^#cloud-config\n/);
    const { write_files, runcmd } = cloudConfigOf();
    expect(write_files.map(({ path, permissions }) => [path, permissions])).toEqual([
      ['/etc/mayfly/agent.json', '0644'],
      ['/etc/mayfly/tree.json', '0644'],
      ['/usr/local/sbin/mayfly-boot', '0755'],
    ]);
    expect(runcmd).toEqual([['/usr/local/sbin/mayfly-boot']]);
  });

  it('says where the tree is', () => {
    const tree = JSON.parse(fileOf(cloudConfigOf(), '/etc/mayfly/tree.json'));
    expect(tree).toEqual({
      bucket: expect.stringMatching(/^cdk-.*-assets-/),
      key: expect.stringMatching(/^[0-9a-f]{64}\.zip$/),
      region: 'us-east-1',
    });
  });

  it('fits, with room for an environment', () => {
    expect(sizeOf(userDataOf())).toBeLessThan(MOST_BYTES / 2);
  });

  it('is refused at synth when it is too much for a launch', () => {
    const { stack } = fleetOf({ environment: { LONG: 'x'.repeat(MOST_BYTES) } });
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
    expect(sizeOf(resolved)).toBe(bytes);
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
      leaseSeconds: 60,
      maxAttempts: 3,
      retirement: { billing: 'auto', ladderSeconds: 600 },
      launchHook: 'launch',
      terminationHook: 'termination',
    });
    expect(agentConfigOf().retirement).not.toHaveProperty('idleSeconds');
  });

  it('says what the props say', () => {
    const config = agentConfigOf({
      fleetName: 'thumbnails',
      command: ['convert', '-', 'png:-'],
      environment: { GREETING },
      concurrency: 4,
      limit: Duration.hours(2),
      grace: Duration.seconds(30),
      lease: Duration.minutes(5),
      maxAttempts: 9,
      retryTimedOut: true,
      maxJobAge: Duration.hours(6),
      trackJobs: false,
      recordRetention: Duration.days(1),
      idleTimeout: Duration.seconds(45),
      billing: 'per-hour',
      maxAge: Duration.days(7),
      drain: Duration.minutes(10),
      retirementBudget: Duration.minutes(3),
      reportInterval: Duration.seconds(20),
      noticeInterval: Duration.millis(500),
    });
    expect(config).toMatchObject({
      fleet: 'Test/thumbnails',
      command: ['convert', '-', 'png:-'],
      environment: { GREETING },
      concurrency: 4,
      limitSeconds: 7200,
      graceSeconds: 30,
      leaseSeconds: 300,
      maxAttempts: 9,
      retryTimedOut: true,
      maxJobAgeSeconds: 21_600,
      trackJobs: false,
      recordSeconds: 86_400,
      retirement: { idleSeconds: 45, billing: 'per-hour', maxAgeSeconds: 604_800, ladderSeconds: 180 },
      drainSeconds: 600,
      reportSeconds: 20,
      noticeSeconds: 0.5,
    });
  });
});
