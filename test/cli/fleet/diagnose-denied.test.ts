import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import type { Finding } from '../../../cli/fleet/diagnose/finding.ts';
import { type BareFleet, bareFleets } from '../bare-fleet.ts';

const open = bareFleets();

async function lettersOf({ fleet }: BareFleet): Promise<Finding[]> {
  const { findings } = await fleet.diagnose();
  return findings.filter(({ check }) => check === 'dead letters');
}

test('a dead-letter queue that is gone is named, and not the queue of the jobs', async () => {
  const bare = await open();
  const { deadLetterQueueUrl: QueueUrl } = bare.fleet.facts;
  await bare.cloud.call('sqs', 'DeleteQueue', { QueueUrl });
  expect(await lettersOf(bare)).toMatchObject([
    { mark: 'bad', text: expect.stringContaining(`The queue ${QueueUrl} of fleet`) },
  ]);
});

test('who may not receive dead letters is told how many there are, and what is refused', async () => {
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
  expect(await lettersOf(bare)).toMatchObject([
    { mark: 'warn', text: '2 jobs were given up.', details: [expect.stringContaining('Not you')] },
  ]);
});
