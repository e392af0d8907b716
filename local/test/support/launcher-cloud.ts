import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { strToU8, zipSync } from 'fflate';
import { expect } from 'vitest';
import { createProcessLauncher } from '../../instances/process-launcher.ts';
import type { Ec2Instance } from '../../services/ec2/ec2-instance.ts';
import { startTestCloud, type TestCloud } from './cloud.ts';

const BUCKET = 'trees';
const KEY = 'tree.zip';

export interface LauncherCloud {
  cloud: TestCloud;
  ec2: EC2Client;
  /** Launches an instance that runs this as its agent, and returns it. */
  launch(agentSource: string, settings?: Partial<RunInstancesCommandInput>): Promise<Ec2Instance>;
  /** Resolves when EC2 shows this state of the instance. */
  state(machine: Ec2Instance, state: string): Promise<void>;
  /** Reads a file of the instance's disk, once it exists and is not empty. */
  file(machine: Ec2Instance, path: string): Promise<string>;
  close(): Promise<void>;
}

/** A cloud with a role that may read the tree, and an instance profile for it. */
export async function startLauncherCloud(options: { stopMs?: number } = {}): Promise<LauncherCloud> {
  const cloud = await startTestCloud({ launcher: createProcessLauncher(options) });
  const ec2 = new EC2Client(cloud.client);
  const s3 = new S3Client({ ...cloud.client, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  await createProfile(cloud);
  return {
    cloud,
    ec2,
    async launch(agentSource, settings = {}) {
      const Body = zipSync({
        'agent/agent.mjs': strToU8(agentSource),
        'worker/run.sh': [strToU8('#!/bin/sh\n'), { os: 3, attrs: 0o755 << 16 }],
      });
      await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: KEY, Body }));
      const { Instances } = await ec2.send(
        new RunInstancesCommand({
          ...{ ImageId: 'ami-1', MinCount: 1, MaxCount: 1, UserData: userData() },
          IamInstanceProfile: { Name: 'workers' },
          InstanceInitiatedShutdownBehavior: 'terminate',
          MetadataOptions: { HttpTokens: 'required' },
          ...settings,
        }),
      );
      return cloud.instances.get(Instances?.[0]?.InstanceId ?? '');
    },
    async state(machine, wanted) {
      const state = async () => {
        const found = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [machine.id] }));
        return found.Reservations?.[0]?.Instances?.[0]?.State?.Name;
      };
      await expect.poll(state).toBe(wanted);
    },
    async file(machine, path) {
      const read = () => readFile(join(machine.directory, path), 'utf8').catch(() => '');
      await expect.poll(read).not.toBe('');
      return read();
    },
    async close() {
      ec2.destroy();
      s3.destroy();
      await cloud.close();
    },
  };
}

async function createProfile({ call }: TestCloud): Promise<void> {
  const AssumeRolePolicyDocument = JSON.stringify({
    Statement: { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
  });
  await call('iam', 'CreateRole', { RoleName: 'workers', AssumeRolePolicyDocument });
  const Statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${BUCKET}/${KEY}` };
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [Statement] });
  await call('iam', 'PutRolePolicy', { RoleName: 'workers', PolicyName: 'read', PolicyDocument });
  await call('iam', 'CreateInstanceProfile', { InstanceProfileName: 'workers' });
  const both = { InstanceProfileName: 'workers', RoleName: 'workers' };
  await call('iam', 'AddRoleToInstanceProfile', both);
}

/** The files of docs/contracts.md, "User-data", in two of cloud-init's encodings. */
export function userData(key = KEY, more: object = {}): string {
  const tree = Buffer.from(JSON.stringify({ bucket: BUCKET, key, ...more })).toString('base64');
  const lines = [
    '#cloud-config',
    'write_files:',
    '  - path: /etc/mayfly/agent.json',
    "    permissions: '0640'",
    '    content: \'{"answer": 42}\'',
    '  - path: /etc/mayfly/tree.json',
    '    encoding: b64',
    `    content: ${tree}`,
  ];
  return Buffer.from(`${lines.join('\n')}\n`).toString('base64');
}
