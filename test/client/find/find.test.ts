import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  AccessDeniedError,
  FleetNotFoundError,
  NoCredentialsError,
  ThrottledError,
  UnreachableError,
  WrongOptionError,
} from '../../../client/errors.ts';
import { type FindOptions, findFleet } from '../../../client/find/find.ts';
import { type Cloud, startCloud } from '../../../local/cloud.ts';
import type { FleetFactsInput } from '../../../store/fleet-facts.ts';

let cloud: Cloud;
let home: string;
const own = { ...process.env };

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mayfly-find-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));
beforeEach(async () => {
  cloud = await startCloud({ directory: join(home, 'cloud') });
  const credentials = {
    AWS_ACCESS_KEY_ID: cloud.owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.owner.secretAccessKey,
  };
  for (const name of Object.keys(process.env)) if (/^(AWS|MAYFLY)_/.test(name)) delete process.env[name];
  Object.assign(process.env, { AWS_ENDPOINT_URL: cloud.endpoint, AWS_REGION: cloud.region, ...credentials });
});
afterEach(async () => {
  await cloud.close();
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, own);
});

function factsOf(fleet: string): FleetFactsInput {
  const names = { queueUrl: `https://sqs/${fleet}`, table: 'table', logBucket: 'logs', group: 'group' };
  return { version: 1, fleet, region: cloud.region, ...names, maxAttempts: 7 };
}

/** The parameter that a deployed stack writes. */
async function deployed(...fleets: string[]): Promise<void> {
  for (const fleet of fleets) await parameter(fleet, JSON.stringify(factsOf(fleet)));
}

async function parameter(fleet: string, Value: string): Promise<void> {
  await cloud.call('ssm', 'PutParameter', { Name: `/mayfly/${fleet}`, Type: 'String', Value });
}

async function find(options: FindOptions = {}) {
  const { facts, clients } = await findFleet(options);
  clients.destroy();
  return facts;
}

/** The error's name and message. */
async function failure(options: FindOptions = {}): Promise<Error> {
  return find(options).then(
    ({ fleet }) => expect.fail(`found ${fleet}`),
    (error: Error) => error,
  );
}

describe('a fleet is found', () => {
  beforeEach(() => deployed('Shop/Thumbnails', 'Shop/Mail', 'Lab/Fleet'));

  it.each([
    ['by its stack, if that has only one', { stack: 'Lab' }, 'Lab/Fleet'],
    ['by stack and name', { stack: 'Shop', fleet: 'Mail' }, 'Shop/Mail'],
    ['by its name alone', { fleet: 'Thumbnails' }, 'Shop/Thumbnails'],
  ])('%s, with the facts in its parameter', async (_, options, fleet) => {
    expect(await find(options)).toMatchObject({ fleet, queueUrl: `https://sqs/${fleet}`, maxAttempts: 7 });
  });

  it('by variables if no option says which', async () => {
    process.env['MAYFLY_STACK'] = 'Shop';
    process.env['MAYFLY_FLEET'] = 'Mail';
    expect(await find()).toMatchObject({ fleet: 'Shop/Mail' });
    expect(await find({ stack: 'Lab' })).toMatchObject({ fleet: 'Lab/Fleet' });
  });

  it('in the region of AWS_DEFAULT_REGION, which older tools use', async () => {
    process.env['AWS_DEFAULT_REGION'] = process.env['AWS_REGION'];
    delete process.env['AWS_REGION'];
    expect(await find({ stack: 'Lab' })).toMatchObject({ fleet: 'Lab/Fleet' });
  });
});

it('the only fleet of a region needs no name', async () => {
  await deployed('Lab/Fleet');
  expect(await find()).toMatchObject({ fleet: 'Lab/Fleet' });
});

describe('the existing fleets are listed if none matches or several do', () => {
  it.each<[string, FindOptions, string]>([
    [
      'several in the region',
      {},
      'There are several fleets in region us-east-1: Lab/Fleet, Shop/Mail, Shop/Thumbnails. Select one (--stack and ' +
        '--fleet, or MAYFLY_STACK and MAYFLY_FLEET).',
    ],
    [
      'several in the stack',
      { stack: 'Shop' },
      'There are several fleets in stack Shop: Shop/Mail, Shop/Thumbnails. Select one (--fleet, or MAYFLY_FLEET).',
    ],
    [
      'no such stack',
      { stack: 'Sohp' },
      'There is no fleet of stack Sohp in region us-east-1. Fleets there: Lab/Fleet, Shop/Mail, Shop/Thumbnails.',
    ],
    [
      'no such fleet in the stack',
      { stack: 'Shop', fleet: 'Fleet' },
      'There is no fleet of stack Shop called Fleet in region us-east-1. Fleets there: Lab/Fleet, Shop/Mail, Shop/Thumbnails.',
    ],
  ])('%s', async (_, options, sentence) => {
    await deployed('Shop/Thumbnails', 'Shop/Mail', 'Lab/Fleet');
    expect(await failure(options)).toMatchObject({ name: FleetNotFoundError.name, message: sentence });
  });

  it('no fleet at all, as in a wrong region', async () => {
    expect(await failure({ stack: 'Shop' })).toMatchObject({
      name: FleetNotFoundError.name,
      message:
        'There is no fleet of stack Shop in region us-east-1, nor any other. Check the region and the account, and that ' +
        'the stack is deployed.',
    });
  });

  it.each([
    ['an older version', JSON.stringify({ group: 'g', policyArn: 'arn' }), 'version'],
    ['something else', 'no JSON', 'it is no JSON object'],
  ])('a parameter that %s wrote is refused', async (_, value, part) => {
    await parameter('Lab/Fleet', value);
    const { message } = await failure();
    expect(message).toContain(
      `The parameter of fleet Lab/Fleet has a format that this version of mayfly does not read (${part})`,
    );
    expect(message).toContain('Deploy it again');
  });
});

describe('by an outputs file', () => {
  const outputsOf = (fleet: string) => ({
    [`${fleet}QueueUrl`]: `https://sqs/${fleet}`,
    [`${fleet}DeadLetterQueueUrl`]: `https://sqs/${fleet}-dead`,
    [`${fleet}TableName`]: 'table',
    [`${fleet}LogBucketName`]: 'logs',
    [`${fleet}GroupName`]: 'group',
    [`${fleet}SendAJob`]: 'aws sqs ...',
  });
  const file = async (content: unknown) => {
    const path = join(home, 'outputs.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };

  it('has the names in the file', async () => {
    const outputs = await file({ Lab: outputsOf('Fleet'), Other: { Url: 'x' } });
    expect(await find({ outputs })).toMatchObject({
      fleet: 'Lab/Fleet',
      region: 'us-east-1',
      queueUrl: 'https://sqs/Fleet',
      deadLetterQueueUrl: 'https://sqs/Fleet-dead',
      table: 'table',
      logBucket: 'logs',
      group: 'group',
      limitSeconds: 3600,
    });
  });

  it('has the facts of the parameter that the file names', async () => {
    await deployed('Lab/Images');
    const outputs = await file({ Lab: { ...outputsOf('Fleet'), FleetParameterName: '/mayfly/Lab/Images' } });
    expect(await find({ outputs, fleet: 'Images' })).toMatchObject({ fleet: 'Lab/Images', maxAttempts: 7 });
  });

  it('with several fleets needs a name', async () => {
    const outputs = await file({
      Shop: { ...outputsOf('Mail'), ...outputsOf('Images') },
      Lab: outputsOf('Fleet'),
    });
    expect(await failure({ outputs })).toMatchObject({
      name: FleetNotFoundError.name,
      message: `The outputs file ${outputs} has several fleets: Shop/Mail, Shop/Images, Lab/Fleet. Select one (--stack and --fleet, or MAYFLY_STACK and MAYFLY_FLEET).`,
    });
    expect(await find({ outputs, fleet: 'Images' })).toMatchObject({ queueUrl: 'https://sqs/Images' });
    expect(await find({ outputs, stack: 'Lab' })).toMatchObject({ queueUrl: 'https://sqs/Fleet' });
    expect((await failure({ outputs, stack: 'Bar' })).message).toBe(
      `The outputs file ${outputs} has no fleet of stack Bar. It has: Shop/Mail, Shop/Images, Lab/Fleet.`,
    );
  });

  it.each([
    ['is not there', undefined, 'The outputs file cannot be read: ENOENT'],
    [
      'is no JSON',
      'Outputs:\nLab.FleetQueueUrl = x',
      'is no outputs file: `cdk deploy --outputs-file` writes JSON',
    ],
    ['is another JSON', [1, 2], 'is no outputs file: `cdk deploy --outputs-file` writes JSON'],
  ])('that %s is refused', async (_, content, part) => {
    const outputs = content === undefined ? join(home, 'nowhere.json') : await file(content);
    const error = await failure({ outputs });
    expect(error.name).toBe(WrongOptionError.name);
    expect(error.message).toContain(part);
  });
});

describe('by names', () => {
  const names = { queueUrl: 'https://sqs/q', table: 'table', logBucket: 'logs', group: 'group' };

  it('has these names and the default settings', async () => {
    expect(await find(names)).toMatchObject({
      ...names,
      fleet: 'group',
      trackJobs: true,
      limitSeconds: 3600,
    });
  });

  it('can be found by variables', async () => {
    const variables = { MAYFLY_TABLE: 't', MAYFLY_LOG_BUCKET: 'b', MAYFLY_AUTO_SCALING_GROUP: 'g' };
    Object.assign(process.env, { MAYFLY_QUEUE_URL: 'https://sqs/v', ...variables });
    expect(await find()).toMatchObject({ queueUrl: 'https://sqs/v', table: 't', logBucket: 'b', group: 'g' });
  });

  it('does not use the variables of a worker', async () => {
    process.env['MAYFLY_GROUP'] = 'of-jobs';
    expect(await failure({ queueUrl: 'https://sqs/q', table: 't', logBucket: 'b' })).toMatchObject({
      name: WrongOptionError.name,
      message: expect.stringContaining('group (MAYFLY_AUTO_SCALING_GROUP)'),
    });
  });

  it('is in the region of its queue', async () => {
    const queueUrl = 'https://sqs.eu-north-1.amazonaws.com/123456789012/q';
    expect(await find({ ...names, queueUrl })).toMatchObject({ region: 'eu-north-1' });
  });

  it('needs all names', async () => {
    expect(await failure({ queueUrl: 'https://sqs/q', table: 'table' })).toMatchObject({
      name: WrongOptionError.name,
      message:
        'A fleet that is found by names needs all of them. Missing: --log-bucket (MAYFLY_LOG_BUCKET), ' +
        '--auto-scaling-group (MAYFLY_AUTO_SCALING_GROUP). The name of its stack alone is enough too (--stack, ' +
        'MAYFLY_STACK).',
    });
  });
});

describe('an error becomes a sentence', () => {
  it('no region', async () => {
    delete process.env['AWS_REGION'];
    process.env['AWS_CONFIG_FILE'] = join(home, 'no-config');
    expect(await failure()).toMatchObject({
      name: WrongOptionError.name,
      message: 'No AWS region is set. Set one (--region, AWS_REGION, or the profile in ~/.aws/config).',
    });
  });

  it('no region in a profile that does not exist', async () => {
    delete process.env['AWS_REGION'];
    Object.assign(process.env, { AWS_CONFIG_FILE: join(home, 'no-config'), AWS_PROFILE: 'nope' });
    expect(await failure()).toMatchObject({
      name: WrongOptionError.name,
      message:
        'No AWS region is set, and the profile nope (AWS_PROFILE) has none or does not exist. Set one (--region, ' +
        'AWS_REGION, or the profile in ~/.aws/config).',
    });
  });

  it('no credentials in a profile that does not exist', async () => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    Object.assign(process.env, {
      AWS_CONFIG_FILE: join(home, 'no-config'),
      AWS_SHARED_CREDENTIALS_FILE: join(home, 'no-credentials'),
      AWS_PROFILE: 'nope',
    });
    const error = await failure();
    expect(error.name).toBe(NoCredentialsError.name);
    expect(error.message).toMatch(
      /^No AWS credentials were found for the profile nope \(AWS_PROFILE\)\. Check that/,
    );
  });

  it('no credentials', async () => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    Object.assign(process.env, {
      AWS_CONFIG_FILE: join(home, 'no-config'),
      AWS_SHARED_CREDENTIALS_FILE: join(home, 'no-credentials'),
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    const error = await failure();
    expect(error.name).toBe(NoCredentialsError.name);
    expect(error.message).toMatch(/^No AWS credentials were found. Set AWS_PROFILE/);
  });

  it.each([
    [
      'credentials that have expired',
      'ExpiredTokenException',
      NoCredentialsError.name,
      'AWS does not accept these credentials',
    ],
    ['no right', 'AccessDeniedException', AccessDeniedError.name, 'AWS does not let these credentials use'],
  ])('%s', async (_, code, name, part) => {
    cloud.faults.add({ service: 'ssm', effect: { kind: 'error', code, message: 'It is so.', status: 400 } });
    const error = await failure();
    expect(error.name).toBe(name);
    expect(error.message).toContain(part);
    expect(error.message).toContain('It is so');
  });

  it('too many calls', async () => {
    cloud.faults.add({ service: 'ssm', effect: { kind: 'throttle' } });
    expect(await failure()).toMatchObject({ name: ThrottledError.name });
  });

  it('no answer', async () => {
    process.env['AWS_ENDPOINT_URL'] = 'http://127.0.0.1:9';
    const error = await failure();
    expect(error.name).toBe(UnreachableError.name);
    expect(error.message).toMatch(
      /^No answer from AWS in region us-east-1 \(.*ECONNREFUSED.*\)\. Check the region/,
    );
  });
});
