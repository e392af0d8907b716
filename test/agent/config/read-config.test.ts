import { expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../../agent/config/read-config.ts';

const LEAST = {
  version: 1,
  fleet: 'video',
  region: 'eu-west-1',
  queueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/q',
  command: ['./render'],
};

const ROLE = 'arn:aws:iam::123456789012:role/worker';
const SECRET = { source: 'ssm', id: '/pictures/token' };

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

test('a configuration with only the required keys gets defaults for all others', () => {
  expect(parse({})).toMatchObject({ concurrency: 1, leaseSeconds: 60, maxAttempts: 3, drainSeconds: 90 });
});

test('a configuration of an earlier deployment has no commands, and the default of each key of groups', () => {
  const groups = { lanes: 1, maxLanes: 100, notNowLimitSeconds: 1800 };
  expect(parse({})).toMatchObject({ commands: {}, groups });
  expect(parse({ groups: { lanes: '25%' } })).toMatchObject({ groups: { ...groups, lanes: '25%' } });
});

test.each<[string, object, string]>([
  [
    'a command without a program',
    { commands: { healthy: [] } },
    'commands.healthy is []; allowed is at least the name of a program',
  ],
  [
    'a wrong name of a command',
    { commands: { '-x': ['true'] } },
    'commands.-x is "-x"; allowed is a name of a letter, then letters, digits, _ and -, at most 64 characters',
  ],
  [
    'no lanes',
    { groups: { lanes: 0 } },
    'groups.lanes is 0; allowed is a whole number from 1 to 200, or a percentage from "1%" to "100%"',
  ],
  [
    'an unknown key of groups',
    { groups: { lane: 1 } },
    'groups.lane is not a known key; is it misspelt, or for a newer agent?',
  ],
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
    'an unknown key',
    { concurency: 2 },
    'concurency is not a known key; is it misspelt, or for a newer agent?',
  ],
  ['a key left out', { fleet: undefined }, 'fleet is missing'],
  [
    'a nested value',
    { retirement: { billing: 'free' } },
    'retirement.billing is "free"; allowed is one of auto, per-second, per-hour',
  ],
  [
    'a maximum limit below the limit',
    { limitSeconds: 60, maxLimitSeconds: 59 },
    'maxLimitSeconds is 59; allowed is at least limitSeconds, 60',
  ],
  ['no program', { command: [] }, 'command is []; allowed is at least the name of a program'],
  [
    'a FIFO queue',
    { queueUrl: 'https://sqs/1/q.fifo' },
    'queueUrl is "https://sqs/1/q.fifo"; allowed is the URL of a standard queue: FIFO queues are not supported',
  ],
  [
    'a variable of the agent itself',
    { environment: { MAYFLY_ATTEMPT: '1' } },
    'environment.MAYFLY_ATTEMPT is "MAYFLY_ATTEMPT"; allowed is any name that does not begin with MAYFLY_, which the agent sets itself',
  ],
  [
    'a secret with the name of a variable of the agent',
    { workerRole: ROLE, secrets: { AWS_TOKEN: SECRET } },
    'secrets.AWS_TOKEN is "AWS_TOKEN"; allowed is a variable name of letters, digits and "_" that does not begin with a digit, MAYFLY_ or AWS_',
  ],
  [
    'a secret of an unknown service',
    { workerRole: ROLE, secrets: { DB: { ...SECRET, source: 'vault' } } },
    'secrets.DB.source is "vault"; allowed is one of secretsmanager, ssm',
  ],
  [
    'a secret whose value is given',
    { workerRole: ROLE, secrets: { DB: { ...SECRET, value: 'x' } } },
    'secrets.DB.value is not a known key; is it misspelt, or for a newer agent?',
  ],
  [
    'a secret that is a variable too',
    { workerRole: ROLE, environment: { DB: 'x' }, secrets: { DB: SECRET } },
    'secrets.DB is also in environment; allowed is a name that environment does not have',
  ],
  [
    'a secret that nobody may read',
    { secrets: { DB: SECRET, TOKEN: SECRET } },
    'secrets is DB, TOKEN; allowed is none without workerRole, which reads them',
  ],
  ['a later version', { version: 2 }, 'version is 2; allowed is 1: the version that this agent reads'],
  [
    'limit and grace beyond 12 hours',
    { limitSeconds: 43_200 },
    'limitSeconds is 43200 and graceSeconds is 10; allowed is 43200 together: SQS keeps a message invisible for 12 hours at most',
  ],
  [
    'a first bound above the longest',
    { retryBackoff: { firstSeconds: 9, longestSeconds: 4 } },
    'retryBackoff.firstSeconds is 9; allowed is at most retryBackoff.longestSeconds, 4',
  ],
  [
    'one queue for jobs and dead letters',
    { deadLetterQueueUrl: LEAST.queueUrl },
    `deadLetterQueueUrl is "${LEAST.queueUrl}"; allowed is any queue but queueUrl's own`,
  ],
])('%s is refused with the key, the value and what is allowed', (_, fields, problem) => {
  expect(problemsOf(() => parse(fields))).toEqual([problem]);
});

test('the error names the file and has all problems', () => {
  const act = () => parse({ concurrency: 0, maxAttempts: 0 });
  expect(problemsOf(act)).toHaveLength(2);
  expect(act).toThrow(/^agent\.json is not a configuration/);
});

test.each(['', '{', 'null', '[]', '"x"'])('%j is not a configuration', (json) => {
  expect(problemsOf(() => parseConfig(json, 'agent.json')).length).toBeGreaterThan(0);
});
