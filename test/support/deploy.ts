import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { App, Stack } from 'aws-cdk-lib';
import { type Zippable, zipSync } from 'fflate';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { WorkerFleet } from '../../infra/worker-fleet.ts';
import type { Cloud } from '../../local/cloud.ts';
import { eventually } from './eventually.ts';

export const STACK_NAME = 'Test';
const PART_BYTES = 5 * 1024 * 1024;

export interface Synthesised {
  template: string;
  /** The destination and the content of each asset. */
  assets: { bucket: string; key: string; content: Uint8Array }[];
}

/** Adds further resources to an owner's stack. */
export type AddResources = (stack: Stack, fleet: WorkerFleet) => void;

/** Synthesises a fleet in this process. Other tests run `cdk synth`. */
export function synthesise(
  props: WorkerFleetProps | ((stack: Stack) => WorkerFleetProps),
  around?: AddResources,
): Synthesised {
  const outdir = mkdtempSync(join(tmpdir(), 'mayfly-synth-'));
  try {
    const app = new App({ outdir, analyticsReporting: false });
    const stack = new Stack(app, STACK_NAME);
    const fleet = new WorkerFleet(stack, 'Fleet', typeof props === 'function' ? props(stack) : props);
    around?.(stack, fleet);
    app.synth();
    const manifest = JSON.parse(
      readFileSync(join(outdir, `${STACK_NAME}.assets.json`), 'utf8'),
    ) as AssetManifest;
    const template = readFileSync(join(outdir, `${STACK_NAME}.template.json`), 'utf8');
    return { template, assets: Object.values(manifest.files).flatMap((file) => readAsset(outdir, file)) };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** The used part of the file `<stack>.assets.json` of a cloud assembly. */
interface AssetManifest {
  files: Record<string, AssetFile>;
}

interface AssetFile {
  source: { path: string; packaging: 'file' | 'zip' };
  destinations: Record<string, { bucketName: string; objectKey: string }>;
}

function readAsset(outdir: string, { source, destinations }: AssetFile): Synthesised['assets'] {
  const path = join(outdir, source.path);
  const content = source.packaging === 'zip' ? zipDirectory(path) : readFileSync(path);
  return Object.values(destinations).map(({ bucketName, objectKey }) => ({
    bucket: bucketName,
    key: objectKey,
    content,
  }));
}

/** Zips like the CLI, with the execute bits that programs in a tree need. */
function zipDirectory(directory: string): Uint8Array {
  const MADE_BY_UNIX = 3;
  const files: Zippable = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name);
    const status = statSync(path);
    if (!status.isFile()) continue;
    const options = { os: MADE_BY_UNIX, attrs: (status.mode << 16) >>> 0, level: 1 as const };
    files[relative(directory, path).replaceAll('\\', '/')] = [readFileSync(path), options];
  }
  return zipSync(files);
}

/** Creates the stack and waits until it is complete. Rejects with the events of the failure. */
export async function createStack(
  cloud: Cloud,
  { template, assets }: Synthesised,
  stackName = STACK_NAME,
): Promise<Map<string, string>> {
  const options = { endpoint: cloud.endpoint, region: cloud.region, credentials: cloud.owner };
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  const cloudFormation = new CloudFormationClient(options);
  try {
    for (const { bucket, key, content } of assets) {
      const Bucket = bucket
        .replace(/\$\{AWS::AccountId\}/, cloud.accountId)
        .replace(/\$\{AWS::Region\}/, cloud.region);
      await putObject(s3, { Bucket, Key: key }, content);
    }
    await cloudFormation.send(
      new CreateStackCommand({
        StackName: stackName,
        TemplateBody: template,
        Capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'],
      }),
    );
    return await outputsOf(cloudFormation, stackName);
  } finally {
    s3.destroy();
    cloudFormation.destroy();
  }
}

/** Uploads like the CLI: large objects in parts. */
async function putObject(s3: S3Client, where: { Bucket: string; Key: string }, content: Uint8Array) {
  if (content.length <= PART_BYTES) {
    await s3.send(new PutObjectCommand({ ...where, Body: content }));
    return;
  }
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(where));
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (let at = 0; at < content.length; at += PART_BYTES) {
    const part = { ...where, UploadId, PartNumber: Parts.length + 1 };
    const Body = content.subarray(at, at + PART_BYTES);
    const { ETag } = await s3.send(new UploadPartCommand({ ...part, Body }));
    Parts.push({ PartNumber: part.PartNumber, ETag });
  }
  await s3.send(new CompleteMultipartUploadCommand({ ...where, UploadId, MultipartUpload: { Parts } }));
}

async function outputsOf(client: CloudFormationClient, stackName: string): Promise<Map<string, string>> {
  const stack = await eventually('the stack', async () => {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    const [found] = Stacks;
    return found && !found.StackStatus?.endsWith('IN_PROGRESS') ? found : undefined;
  });
  if (stack.StackStatus !== 'CREATE_COMPLETE') {
    throw new Error(`${stack.StackStatus}: ${await failuresOf(client, stackName)}`);
  }
  return new Map(stack.Outputs?.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
}

async function failuresOf(client: CloudFormationClient, stackName: string): Promise<string> {
  const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName: stackName }));
  return StackEvents.filter(({ ResourceStatus }) => ResourceStatus?.endsWith('FAILED'))
    .map(({ LogicalResourceId, ResourceStatusReason }) => `${LogicalResourceId}: ${ResourceStatusReason}`)
    .join('; ');
}

/** Deletes the stack and waits until it is gone. */
export async function deleteStack(cloud: Cloud): Promise<void> {
  const options = { endpoint: cloud.endpoint, region: cloud.region, credentials: cloud.owner };
  const client = new CloudFormationClient(options);
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: STACK_NAME }));
    await client.send(new DeleteStackCommand({ StackName: STACK_NAME }));
    await eventually('the end of the stack', async () => {
      const { Stacks: [left] = [] } = await client.send(
        new DescribeStacksCommand({ StackName: stack?.StackId ?? STACK_NAME }),
      );
      if (left?.StackStatus === 'DELETE_FAILED') throw new Error(await failuresOf(client, STACK_NAME));
      return left?.StackStatus === 'DELETE_COMPLETE';
    });
  } finally {
    client.destroy();
  }
}
