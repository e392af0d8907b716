import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SetDesiredCapacityCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  CloudFormationClient,
  DescribeStackResourcesCommand,
  type StackResource,
} from '@aws-sdk/client-cloudformation';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DescribeLaunchTemplateVersionsCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { parse } from 'yaml';
import { type OperatorClients, operatorClients } from '../../demo/clients.ts';
import { sendJobs } from '../../demo/send.ts';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import type { Release } from '../../local/machines/images.ts';
import { createMachineLauncher, type MachineLauncherOptions } from '../../local/machines/machine-launcher.ts';
import { itemKey, jobKey } from '../../store/keys.ts';
import { createStack, STACK_NAME, type Synthesised } from '../../test/support/deploy.ts';
import { eventually } from '../../test/support/eventually.ts';
import { readOutput } from '../../test/support/job-output.ts';
import { type Launch, type LaunchTimer, withLaunchTimer } from './launch-timer.ts';

/** The longest boot, on a busy machine and with packages to install. */
export const LONGEST_BOOT_MS = 600_000;

/** One instance at a time, which stays until it is terminated. */
export const PROPS: WorkerFleetProps = {
  command: ['true'],
  bakedImage: true,
  maxCapacity: 1,
  idleTimeout: Duration.minutes(10),
  removalPolicy: RemovalPolicy.DESTROY,
};

/** A job that has ended. */
export interface EndedBootJob {
  endedAtMs: number;
  output: string;
}

/** An embedded cloud whose machines boot from one image, with a fleet. */
export interface BootCloud {
  /** The machines' `/mnt/shared` on the host. */
  shared: string;
  /** Launches an instance of the fleet while a job waits. */
  launchForJob(): Promise<{ launch: Launch; done: Promise<EndedBootJob> }>;
  /** Terminates an instance of the fleet, as an operator would, and waits until it is gone. */
  terminate(launch: Launch): Promise<void>;
  /** Launches a machine without user-data. With `builder` it has the permissions of the image builder. */
  launchBare(builder?: boolean): Promise<Launch>;
  /** The content of `/etc/mayfly/tree.json` on the fleet's instances. */
  treeJson(): Promise<string>;
  close(): Promise<void>;
}

export async function openBootCloud(
  image: MachineLauncherOptions['image'],
  fleet: Synthesised,
  onProgress: (line: string) => void,
  release: Release = 'debian-12',
): Promise<BootCloud> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-boot-'));
  const shared = join(directory, 'shared');
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const launcher = await createMachineLauncher({ shared, onProgress, release, ...(image && { image }) });
    const stopwatch = withLaunchTimer(launcher);
    const cloud = await startCloud({ directory: join(directory, 'cloud'), launcher: stopwatch.launcher });
    const site = new FleetSite(cloud, stopwatch, shared, remove);
    try {
      return await site.deploy(fleet);
    } catch (error) {
      await site.close();
      throw error;
    }
  } catch (error) {
    await remove();
    throw error;
  }
}

class FleetSite implements BootCloud {
  readonly shared: string;
  readonly #cloud: Cloud;
  readonly #clients: OperatorClients;
  readonly #cloudFormation: CloudFormationClient;
  readonly #stopwatch: LaunchTimer;
  readonly #remove: () => Promise<void>;
  #outputs: ReadonlyMap<string, string> = new Map();
  #resources: readonly StackResource[] = [];

  constructor(cloud: Cloud, stopwatch: LaunchTimer, shared: string, remove: () => Promise<void>) {
    this.shared = shared;
    this.#cloud = cloud;
    this.#stopwatch = stopwatch;
    this.#remove = remove;
    const { endpoint, region, owner } = cloud;
    this.#clients = operatorClients(cloud);
    this.#cloudFormation = new CloudFormationClient({ endpoint, region, credentials: owner });
  }

  async deploy(fleet: Synthesised): Promise<this> {
    this.#outputs = await createStack(this.#cloud, fleet);
    const answer = await this.#cloudFormation.send(
      new DescribeStackResourcesCommand({ StackName: STACK_NAME }),
    );
    this.#resources = answer.StackResources ?? [];
    return this;
  }

  async launchForJob() {
    const launched = this.#stopwatch.nextLaunch();
    const [job = ''] = await sendJobs(this.#clients.sqs, this.#output('QueueUrl'), ['job']);
    await this.#clients.autoScaling.send(
      new SetDesiredCapacityCommand({
        AutoScalingGroupName: this.#output('GroupName'),
        DesiredCapacity: 1,
      }),
    );
    const launch = await launched;
    return { launch, done: this.#done(job) };
  }

  async terminate({ instanceId, machine }: Launch): Promise<void> {
    await this.#clients.autoScaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: instanceId,
        ShouldDecrementDesiredCapacity: true,
      }),
    );
    await machine.gone;
  }

  async launchBare(builder = false): Promise<Launch> {
    const launched = this.#stopwatch.nextLaunch();
    const Name = this.#physicalId('AWS::IAM::InstanceProfile', 'BakedImage');
    await this.#clients.ec2.send(
      new RunInstancesCommand({
        ImageId: 'ami-0123456789abcdef0',
        InstanceType: 'm6i.large',
        MinCount: 1,
        MaxCount: 1,
        ...(builder && { IamInstanceProfile: { Name } }),
      }),
    );
    return launched;
  }

  async treeJson(): Promise<string> {
    const { LaunchTemplateVersions: [version] = [] } = await this.#clients.ec2.send(
      new DescribeLaunchTemplateVersionsCommand({
        LaunchTemplateId: this.#physicalId('AWS::EC2::LaunchTemplate'),
        Versions: ['$Latest'],
      }),
    );
    const userData = Buffer.from(version?.LaunchTemplateData?.UserData ?? '', 'base64').toString('utf8');
    const { write_files } = parse(userData) as { write_files: { path: string; content: string }[] };
    const file = write_files.find(({ path }) => path === '/etc/mayfly/tree.json');
    if (!file) throw new Error("the fleet's user-data has no tree.json");
    return file.content.trimEnd();
  }

  async close(): Promise<void> {
    this.#clients.destroy();
    this.#cloudFormation.destroy();
    await this.#cloud.close();
    await this.#remove();
  }

  #done(job: string): Promise<EndedBootJob> {
    const key = itemKey(jobKey(job));
    const get = new GetItemCommand({ TableName: this.#output('TableName'), Key: key });
    return eventually(
      `the end of job ${job}`,
      async () => {
        const { Item } = await this.#clients.dynamodb.send(get);
        const endedAt = Item?.['endedAt']?.S;
        return endedAt !== undefined && { endedAtMs: Date.parse(endedAt), output: readOutput(Item) };
      },
      LONGEST_BOOT_MS,
    );
  }

  #output(name: string): string {
    const value = this.#outputs.get(`Fleet${name}`);
    if (value === undefined) throw new Error(`the stack has no output Fleet${name}`);
    return value;
  }

  #physicalId(type: string, within = ''): string {
    const found = this.#resources.find(
      ({ ResourceType, LogicalResourceId = '' }) =>
        ResourceType === type && LogicalResourceId.includes(within),
    );
    if (!found?.PhysicalResourceId) throw new Error(`the stack has no ${type}`);
    return found.PhysicalResourceId;
  }
}

/** Resolves when the console of a machine shows a text. */
export async function waitForConsole(launch: Launch, text: string): Promise<void> {
  const console = join(launch.directory, 'instance.log');
  await eventually(
    `"${text}" on the console of ${launch.instanceId}`,
    async () => (await readFile(console, 'latin1').catch(() => '')).includes(text),
    LONGEST_BOOT_MS,
  );
}
