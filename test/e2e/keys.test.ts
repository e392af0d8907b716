import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { afterEach, describe, expect, it } from 'vitest';
import type { WorkerFleetProps } from '../../infra/props.ts';
import type { Cloud } from '../../local/cloud.ts';
import { startFleet, type TestFleet } from '../support/fleet.ts';

let fleet: TestFleet;
afterEach(() => fleet.close());

/** As `cdk bootstrap --bootstrap-kms-key-id` leaves the bucket of assets. */
async function encryptAssets({ call, accountId, region }: Cloud): Promise<void> {
  const { KeyMetadata } = await call('kms', 'CreateKey', { Description: 'The owner has it for all assets' });
  const { Arn: KMSMasterKeyID } = KeyMetadata as { Arn: string };
  const ApplyServerSideEncryptionByDefault = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID };
  await call('s3', 'PutBucketEncryption', {
    Bucket: `cdk-hnb659fds-assets-${accountId}-${region}`,
    ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault }] },
  });
}

function withOwnKeys(stack: Stack): WorkerFleetProps {
  const key = (id: string) => new Key(stack, id, { removalPolicy: RemovalPolicy.DESTROY });
  return { encryptionKeys: { queues: key('Queues'), table: key('Table'), logBucket: key('Logs') } };
}

describe('a fleet whose stores and assets are encrypted with keys of the owner', () => {
  it('boots, works, keeps a long log, dead-letters, and goes back to zero', async () => {
    fleet = await startFleet({ maxCapacity: 1 }, { made: withOwnKeys, prepare: encryptAssets });
    const [long = '', hopeless = ''] = await fleet.send({ print: 100_000 }, { exit: 65 });
    await fleet.event('end', long);
    await fleet.event('end', hopeless);
    await fleet.backToZero();
    const verdict = await fleet.judge();
    expect(verdict.violations, await fleet.lastWords()).toEqual([]);
    const { Contents = [] } = await fleet.clients.s3.send(
      new ListObjectsV2Command({ Bucket: fleet.stack.logBucket, Prefix: 'jobs/' }),
    );
    expect(Contents.length).toBeGreaterThan(0);
    const { Attributes } = await fleet.clients.sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: fleet.stack.deadLetterQueueUrl,
        AttributeNames: ['ApproximateNumberOfMessages'],
      }),
    );
    expect(Attributes).toEqual({ ApproximateNumberOfMessages: '1' });
  }, 240_000);
});
