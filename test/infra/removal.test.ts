import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { CfnQueue } from 'aws-cdk-lib/aws-sqs';
import { expect, it } from 'vitest';
import { operatorClients } from '../../demo/clients.ts';
import { startTestCloud } from '../../local/test/support/cloud.ts';
import { createStack, synthesise } from '../support/deploy.ts';

it('a first deployment that fails leaves no resource of a fleet without a removal policy', async () => {
  const cloud = await startTestCloud();
  const clients = operatorClients(cloud);
  try {
    const failing = synthesise({}, (stack, fleet) => {
      // SQS takes at most 43,200 s.
      new CfnQueue(stack, 'Impossible', { visibilityTimeout: 999_999 }).node.addDependency(fleet);
    });
    await expect(createStack(cloud, failing)).rejects.toThrow('ROLLBACK_COMPLETE');
    const { QueueUrls = [] } = await clients.sqs.send(new ListQueuesCommand({}));
    const { TableNames } = await clients.dynamodb.send(new ListTablesCommand({}));
    const { Buckets } = await clients.s3.send(new ListBucketsCommand({}));
    expect({ QueueUrls, TableNames }).toEqual({ QueueUrls: [], TableNames: [] });
    expect(Buckets?.map(({ Name }) => Name)).toEqual([expect.stringMatching(/^cdk-hnb659fds-assets-/)]);
  } finally {
    clients.destroy();
    await cloud.close();
  }
});
