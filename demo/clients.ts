import { delimiter, dirname } from 'node:path';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';

export interface OperatorClients {
  sqs: SQSClient;
  dynamodb: DynamoDBClient;
  ec2: EC2Client;
  autoScaling: AutoScalingClient;
  s3: S3Client;
  destroy(): void;
}

/** The endpoint and the credentials of an operator. For the embedded cloud they are the owner's. */
export interface CloudAccess {
  endpoint: string;
  region: string;
  owner: { accessKeyId: string; secretAccessKey: string };
}

/** Clients for one endpoint, whatever the environment says. */
export function operatorClients({ endpoint, region, owner }: CloudAccess): OperatorClients {
  const options = { endpoint, region, credentials: owner };
  const sqs = new SQSClient({ ...options, useQueueUrlAsEndpoint: false });
  const dynamodb = new DynamoDBClient(options);
  const ec2 = new EC2Client(options);
  const autoScaling = new AutoScalingClient(options);
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  return {
    sqs,
    dynamodb,
    ec2,
    autoScaling,
    s3,
    destroy() {
      for (const client of [sqs, dynamodb, ec2, autoScaling, s3]) client.destroy();
    },
  };
}

/** The environment for a tool that calls the endpoint: without the user's AWS settings, and with the `node` of this process. */
export function operatorEnvironment({ endpoint, region, owner }: CloudAccess): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('AWS_') && !name.startsWith('CDK_'),
  );
  return {
    ...Object.fromEntries(own.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}
