import * as v from 'valibot';
import { expect, it } from 'vitest';
import { isFromFleet, parseDeadLetter } from '../../../client/dead-letters/parse.ts';
import { FleetFactsSchema } from '../../../store/fleet-facts.ts';

const facts = v.parse(FleetFactsSchema, {
  version: 1,
  fleet: 'Test/Fleet',
  region: 'us-east-1',
  queueUrl: 'https://sqs.us-east-1.amazonaws.com/111122223333/jobs',
  table: 'jobs',
  logBucket: 'logs',
  group: 'group',
});

it('has the source queue and the reason of a message that SQS moved itself', () => {
  const source = 'arn:aws:sqs:us-east-1:111122223333:jobs';
  const letter = parseDeadLetter({
    MessageId: 'abc',
    Body: 'plain',
    Attributes: { SentTimestamp: '0', DeadLetterQueueSourceArn: source },
  });
  expect(letter).toMatchObject({
    id: 'm-abc',
    reason: expect.stringContaining('SQS moved it here'),
    deadAt: '1970-01-01T00:00:00.000Z',
    source,
  });
  expect(isFromFleet(letter, facts)).toBe(true);
});

it('that SQS moved after a redrive does not get the reason and exit status of its first failure', () => {
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  const letter = parseDeadLetter({
    MessageId: 'abc',
    Body: '{"mayfly": 1, "id": "j-1", "payload": "x"}',
    Attributes: { DeadLetterQueueSourceArn: 'arn:aws:sqs:us-east-1:111122223333:jobs' },
    MessageAttributes: {
      MayflyJobId: text('j-1'),
      MayflyReason: text('exit status 1'),
      MayflyExit: text('1'),
    },
  });
  expect(letter).toMatchObject({ id: 'm-abc', reason: expect.stringContaining('SQS moved it here') });
  expect(letter).not.toHaveProperty('exitStatus');
});

it.each([
  [undefined, true],
  ['https://sqs.us-east-1.amazonaws.com/111122223333/jobs', true],
  ['http://127.0.0.1:4566/111122223333/jobs', true],
  ['https://sqs.us-east-1.amazonaws.com/111122223333/other', false],
  ['https://sqs.us-east-1.amazonaws.com/999922223333/jobs', false],
  ['arn:aws:sqs:us-east-1:111122223333:other', false],
])('from %s belongs to the fleet: %s', (source, own) => {
  const letter = { ...parseDeadLetter({ MessageId: 'a', Body: '' }), ...(source && { source }) };
  expect(isFromFleet(letter, facts)).toBe(own);
});
