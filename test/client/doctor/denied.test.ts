import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import type { Check, Finding } from '../../../client/doctor/finding.ts';
import { type BareFleet, bareFleets } from '../../support/bare-fleet.ts';
import { eventually } from '../../support/eventually.ts';

const open = bareFleets();

async function findingsOf({ fleet }: BareFleet, what: Check): Promise<Finding[]> {
  const { findings } = await fleet.diagnose();
  return findings.filter(({ check }) => check === what);
}

test('names a dead-letter queue that is gone, and not the job queue', async () => {
  const bare = await open();
  const { deadLetterQueueUrl: QueueUrl } = bare.fleet.facts;
  await bare.cloud.call('sqs', 'DeleteQueue', { QueueUrl });
  expect(await findingsOf(bare, 'dead letters')).toMatchObject([
    { status: 'bad', text: expect.stringContaining(`The queue ${QueueUrl} of fleet`) },
  ]);
});

test('reports the number of dead letters and the refusal if they may not be received', async () => {
  const bare = await open();
  const { deadLetterQueueUrl: QueueUrl } = bare.fleet.facts;
  const { sqs } = bare.fleet.context.clients;
  for (const MessageBody of ['one', 'other']) {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  }
  bare.cloud.faults.add({
    ...{ service: 'sqs', action: 'ReceiveMessage' },
    effect: { kind: 'error', code: 'AccessDenied', status: 403, message: 'Not you.' },
  });
  expect(await findingsOf(bare, 'dead letters')).toMatchObject([
    { status: 'warn', text: 'There are 2 dead letters.', details: [expect.stringContaining('Not you')] },
  ]);
});

test('reports other problems of the table if its TTL may not be read', async () => {
  const bare = await open();
  await bare.cloud.call('dynamodb', 'UpdateTable', {
    TableName: bare.fleet.facts.table,
    GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'byState' } }],
  });
  bare.cloud.faults.add({
    ...{ service: 'dynamodb', action: 'DescribeTimeToLive' },
    effect: { kind: 'error', code: 'AccessDeniedException', status: 400, message: 'Not you.' },
  });
  await eventually('the end of the index', async () => {
    const [first] = await findingsOf(bare, 'table');
    return first?.text.includes('has no index byState');
  });
  expect(await findingsOf(bare, 'table')).toContainEqual(
    expect.objectContaining({ status: 'warn', text: expect.stringContaining('Not you') }),
  );
});
