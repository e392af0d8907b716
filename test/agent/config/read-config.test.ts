import { expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../../agent/config/read-config.ts';

const LEAST = {
  version: 1,
  fleet: 'video',
  region: 'eu-west-1',
  queueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/q',
  command: ['./render'],
};

const parse = (fields: object) => parseConfig(JSON.stringify({ ...LEAST, ...fields }), 'agent.json');

function problemsOf(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('the least that an agent must be told has defaults for all the rest', () => {
  expect(parse({})).toMatchObject({ concurrency: 1, leaseSeconds: 60, maxAttempts: 3, drainSeconds: 90 });
});

test.each<[string, object, string]>([
  ['a value out of range', { concurrency: 0 }, 'concurrency is 0; allowed is a whole number from 1 to 1000'],
  [
    'a fraction of a slot',
    { concurrency: 1.5 },
    'concurrency is 1.5; allowed is a whole number from 1 to 1000',
  ],
  [
    'a text for a number',
    { limitSeconds: '60' },
    'limitSeconds is "60"; allowed is a number of seconds from 1 to 43200',
  ],
  [
    'a key nobody knows',
    { concurency: 2 },
    'concurency is not a key that is known; a newer agent, or a slip of the pen?',
  ],
  ['a key left out', { fleet: undefined }, 'fleet is missing'],
  [
    'a nested value',
    { retirement: { billing: 'free' } },
    'retirement.billing is "free"; allowed is one of auto, per-second, per-hour',
  ],
  [
    'a longest limit below the limit',
    { limitSeconds: 60, maxLimitSeconds: 59 },
    'maxLimitSeconds is 59; allowed is at least limitSeconds, 60',
  ],
  ['no program', { command: [] }, 'command is []; allowed is at least the name of a program'],
  [
    'a FIFO queue',
    { queueUrl: 'https://sqs/1/q.fifo' },
    'queueUrl is "https://sqs/1/q.fifo"; allowed is the URL of a standard queue: FIFO queues are not worked on',
  ],
  [
    'a variable of the agent itself',
    { environment: { MAYFLY_ATTEMPT: '1' } },
    'environment.MAYFLY_ATTEMPT is "MAYFLY_ATTEMPT"; allowed is any name but those in MAYFLY_, which the agent sets itself',
  ],
  ['a version to come', { version: 2 }, 'version is 2; allowed is 1: the version that this agent reads'],
  [
    'limit and grace beyond 12 hours',
    { limitSeconds: 43_200 },
    'limitSeconds is 43200 and graceSeconds is 10; allowed is 43200 together: SQS keeps a message invisible for 12 hours at most',
  ],
  [
    'bounds the wrong way round',
    { retryBackoff: { firstSeconds: 9, longestSeconds: 4 } },
    'retryBackoff.firstSeconds is 9; allowed is at most retryBackoff.longestSeconds, 4',
  ],
  [
    'one queue for both',
    { deadLetterQueueUrl: LEAST.queueUrl },
    `deadLetterQueueUrl is "${LEAST.queueUrl}"; allowed is any queue but queueUrl's own`,
  ],
])('%s is refused with the key, the value and what is allowed', (_, fields, problem) => {
  expect(problemsOf(() => parse(fields))).toEqual([problem]);
});

test('all that is wrong is said at once, and where', () => {
  const act = () => parse({ concurrency: 0, maxAttempts: 0 });
  expect(problemsOf(act)).toHaveLength(2);
  expect(act).toThrow(/^agent\.json is not a configuration/);
});

test.each(['', '{', 'null', '[]', '"x"'])('%j is no configuration', (json) => {
  expect(problemsOf(() => parseConfig(json, 'agent.json')).length).toBeGreaterThan(0);
});
