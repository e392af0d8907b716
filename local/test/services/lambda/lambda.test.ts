import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  GetPolicyCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionEventInvokeConfigCommand,
  RemovePermissionCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { strToU8, zipSync } from 'fflate';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSimulatedClock, type SimulatedClock } from '../../../clock.ts';
import { startTestCloud, type TestCloud } from '../../support/cloud.ts';

/** A process has to be started. */
const PATIENCE = { timeout: 60_000 };
let cloud: TestCloud;
let clock: SimulatedClock;
let lambda: LambdaClient;
let FunctionName: string;
let count = 0;
beforeAll(async () => {
  clock = createSimulatedClock();
  cloud = await startTestCloud({ clock });
  lambda = new LambdaClient(cloud.client);
  await cloud.call('iam', 'CreateRole', { RoleName: 'fn', AssumeRolePolicyDocument: '{"Statement":[]}' });
});
afterAll(async () => {
  lambda.destroy();
  await cloud.close();
});
beforeEach(() => {
  count += 1;
  FunctionName = `function-${count}`;
});

const zip = (source: string) => zipSync({ 'index.mjs': strToU8(source) });

const create = (source: string, settings = {}) =>
  lambda.send(
    new CreateFunctionCommand({
      ...{ FunctionName, Runtime: 'nodejs24.x', Handler: 'index.handler' },
      Role: 'arn:aws:iam::000000000000:role/fn',
      Code: { ZipFile: zip(source) },
      ...settings,
    }),
  );

async function invoke(event: unknown = {}, settings = {}) {
  const Payload = JSON.stringify(event);
  const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload, ...settings }));
  const text = Buffer.from(answer.Payload ?? []).toString('utf8');
  return { ...answer, result: text === '' ? undefined : JSON.parse(text) };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a package that is not a zip is refused at creation', async () => {
  const Code = { ZipFile: Buffer.from('not a zip') };
  await expect(create('', { Code })).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
    message: 'Could not unzip uploaded file. Please check your file, then try to upload again.',
  });
});

test('a dead-letter queue for events is refused by name', async () => {
  const DeadLetterConfig = { TargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead' };
  await expect(create('', { DeadLetterConfig })).rejects.toThrow('DeadLetterConfig is not implemented here.');
});

describe('an invocation', () => {
  test('passes event, context and environment to the handler, and returns its result', async () => {
    await create(
      `export const handler = async (event, context) => ({
        event, name: context.functionName, left: context.getRemainingTimeInMillis(), env: process.env,
      });`,
      { Timeout: 20, MemorySize: 256, Environment: { Variables: { OWN: 'yes' } } },
    );
    const { result, StatusCode, FunctionError } = await invoke({ a: [1] });
    expect({ StatusCode, FunctionError }).toEqual({ StatusCode: 200, FunctionError: undefined });
    expect(result).toMatchObject({ event: { a: [1] }, name: FunctionName });
    expect(result.left).toBeGreaterThan(10_000);
    expect(result.env).toMatchObject({
      OWN: 'yes',
      AWS_LAMBDA_FUNCTION_NAME: FunctionName,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: cloud.endpoint,
    });
    expect(Object.keys(result.env)).not.toContain('VITEST');
  });

  test('uses the credentials of the function’s role only', async () => {
    await create('export const handler = () => process.env;');
    const { result } = await invoke();
    const credentials = {
      accessKeyId: result.AWS_ACCESS_KEY_ID,
      secretAccessKey: result.AWS_SECRET_ACCESS_KEY,
      sessionToken: result.AWS_SESSION_TOKEN,
    };
    const sqs = new SQSClient({ ...cloud.client, credentials });
    const { QueueUrl } = (await cloud.call('sqs', 'CreateQueue', { QueueName: `q-${count}` })) as {
      QueueUrl: string;
    };
    await expect(sqs.send(new ReceiveMessageCommand({ QueueUrl }))).rejects.toMatchObject({
      message: expect.stringMatching(`assumed-role/fn/${FunctionName} is not authorized`),
    });
    sqs.destroy();
  });

  test("keeps the module's state", async () => {
    await create('let calls = 0; export const handler = () => ++calls;');
    expect([(await invoke()).result, (await invoke()).result]).toEqual([1, 2]);
  });

  test('runs in a new process when the credentials of the old one expire soon, and the old one ends', async () => {
    await create('export const handler = () => process.pid;');
    const pids: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      pids.push((await invoke()).result);
      await clock.advance(45 * 60_000);
    }
    const latest = (await invoke()).result;
    expect((await invoke()).result).toBe(latest);
    expect(new Set([...pids, latest]).size).toBe(4);
    await expect.poll(() => pids.filter(isRunning)).toEqual([]);
  });

  test('runs in a process of its own beside a simultaneous one', async () => {
    await create(
      'export const handler = async () => { await new Promise((r) => setTimeout(r, 200)); return process.pid; };',
    );
    const pids = (await Promise.all([invoke(), invoke()])).map(({ result }) => result);
    expect(new Set(pids).size).toBe(2);
  });

  test('returns the end of its log on request', async () => {
    await create("export const handler = () => console.log('hello');");
    const { LogResult = '' } = await invoke({}, { LogType: 'Tail' });
    expect(Buffer.from(LogResult, 'base64').toString()).toMatch(/START RequestId: .*\nhello\n/s);
  });
});

describe('a failure', () => {
  test.each([
    ["export const handler = async () => { throw new TypeError('bad'); };", 'TypeError', /^bad$/],
    ['export const handler = () => process.exit(3);', 'Runtime.ExitError', /exit status 3/],
    ['export const other = 1;', 'Runtime.HandlerNotFound', /index\.handler is undefined or not exported/],
    ["throw new Error('at load');", 'Error', /^at load$/],
    [
      'export const handler = () => new Promise((r) => setTimeout(r, 60_000));',
      'Sandbox.Timedout',
      /1\.00 sec/,
    ],
  ])('%s', async (source, errorType, errorMessage) => {
    await create(source, { Timeout: errorType === 'Sandbox.Timedout' ? 1 : 60 });
    const { result, StatusCode, FunctionError } = await invoke();
    expect({ StatusCode, FunctionError }).toEqual({ StatusCode: 200, FunctionError: 'Unhandled' });
    expect(result).toMatchObject({ errorType, errorMessage: expect.stringMatching(errorMessage) });
  });

  test('does not affect the next invocation', async () => {
    await create('export const handler = (event) => (event.exit ? process.exit(1) : 42);');
    await invoke({ exit: true });
    expect((await invoke()).result).toBe(42);
  });
});

/**
 * A function that records each event in its home directory, whichever process it runs in, and then fails if told to.
 */
const NOTES = `
  import { appendFileSync } from 'node:fs';
  export const handler = (event) => {
    appendFileSync(process.env.HOME + '/noted', JSON.stringify(event) + '\\n');
    if (event.fail) throw new Error('no');
  };`;

async function noted(): Promise<unknown[]> {
  const file = join(cloud.context.directory, 'functions', FunctionName, 'noted');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

describe('an event', () => {
  test('is answered at once, and attempted three times', async () => {
    await create(NOTES);
    const { StatusCode } = await invoke({ fail: true }, { InvocationType: 'Event' });
    expect(StatusCode).toBe(202);
    await afterFailures(1);
    await clock.advance(59_999);
    expect(await noted()).toHaveLength(1);
    await clock.advance(1);
    await afterFailures(2);
    await clock.advance(120_000);
    await afterFailures(3);
    await clock.advance(600_000);
    expect(await noted()).toHaveLength(3);
  });

  /** Waits for the failure, then for the next attempt. */
  async function afterFailures(count: number): Promise<void> {
    const file = join(cloud.context.directory, 'functions', FunctionName, 'log');
    const failures = async () => (await readFile(file, 'utf8').catch(() => '')).match(/\tERROR\t/g)?.length;
    await expect.poll(failures, PATIENCE).toBe(count);
  }
});

test('a function is changed, shown and deleted', async () => {
  await create('export const handler = () => 1;', { Description: 'first' });
  expect((await invoke()).result).toBe(1);
  const ZipFile = zip('export const handler = () => 2;');
  await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile }));
  expect((await invoke()).result).toBe(2);
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 9 }));
  const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName }));
  expect(Configuration).toMatchObject({ Timeout: 9, Description: 'first', State: 'Active' });
  await lambda.send(new DeleteFunctionCommand({ FunctionName }));
  await expect(invoke()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('a function that is changed while it runs has new code from then on, and its old processes end', async () => {
  const source = (version: string) => `
    import { existsSync, writeFileSync } from 'node:fs';
    export const handler = async ({ started, go }) => {
      if (started) writeFileSync(started, '');
      while (go && !existsSync(go)) await new Promise((resolve) => setTimeout(resolve, 10));
      return { version: '${version}', pid: process.pid };
    };`;
  /** Runs the task while the function runs. */
  const meanwhile = async (name: string, task: () => Promise<unknown>) => {
    const [started, go] = ['started', 'go'].map((what) =>
      join(cloud.context.directory, `${FunctionName}-${name}-${what}`),
    ) as [string, string];
    const running = invoke({ started, go });
    await expect.poll(() => existsSync(started), { timeout: 10_000 }).toBe(true);
    await task();
    await writeFile(go, '');
    return (await running).result;
  };
  await create(source('old'), { Timeout: 60 });
  const update = new UpdateFunctionCodeCommand({ FunctionName, ZipFile: zip(source('new')) });
  const old = await meanwhile('update', () => lambda.send(update));
  expect(old.version).toBe('old');
  const { result } = await invoke();
  expect(result.version).toBe('new');
  await meanwhile('deletion', () => lambda.send(new DeleteFunctionCommand({ FunctionName })));
  await expect.poll(() => [old.pid, result.pid].filter(isRunning)).toEqual([]);
});

test('code can be in S3', async () => {
  await cloud.call('s3', 'CreateBucket', { Bucket: 'code' });
  const Body = Buffer.from(zip('export const handler = () => "from S3";'));
  await cloud.call('s3', 'PutObject', { Bucket: 'code', Key: 'a.zip', Body });
  await create('', { Code: { S3Bucket: 'code', S3Key: 'a.zip' } });
  expect((await invoke()).result).toBe('from S3');
});

test.each([
  [{ Runtime: 'python3.13' }, 'InvalidParameterValueException'],
  [{ Code: { S3Bucket: 'none', S3Key: 'a.zip' } }, 'InvalidParameterValueException'],
  [{ Timeout: 901 }, 'ValidationError'],
])('a function with %j is refused', async (settings, name) => {
  await expect(create('', settings)).rejects.toMatchObject({ name });
});

test('permissions and event configuration are set, shown and deleted', async () => {
  await create('export const handler = () => 1;');
  const statement = { FunctionName, StatementId: 's' };
  const permission = { Action: 'lambda:InvokeFunction', Principal: 'events.amazonaws.com' };
  await lambda.send(new AddPermissionCommand({ ...statement, ...permission }));
  const { Policy = '' } = await lambda.send(new GetPolicyCommand({ FunctionName }));
  expect(JSON.parse(Policy).Statement).toMatchObject([{ Principal: { Service: 'events.amazonaws.com' } }]);
  await lambda.send(new RemovePermissionCommand(statement));
  await expect(lambda.send(new GetPolicyCommand({ FunctionName }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
  const config = { FunctionName, MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 };
  expect(await lambda.send(new PutFunctionEventInvokeConfigCommand(config))).toMatchObject({
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
  });
});

describe('a schedule', () => {
  const schedule = (action: string, ScheduleExpression: string, settings = {}) =>
    cloud.call('scheduler', action, {
      Name: FunctionName,
      ScheduleExpression,
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: `arn:aws:lambda:us-east-1:000000000000:function:${FunctionName}`,
        RoleArn: 'arn:aws:iam::000000000000:role/caller',
        Input: '{"from":"schedule"}',
      },
      ...settings,
    });
  const allow = (...actions: string[]) =>
    cloud.call('iam', 'PutRolePolicy', {
      ...{ RoleName: 'caller', PolicyName: 'invoke' },
      PolicyDocument: JSON.stringify({
        Statement: actions.map((Action) => ({ Effect: 'Allow', Action, Resource: '*' })),
      }),
    });
  beforeAll(async () => {
    await cloud.call('iam', 'CreateRole', {
      ...{ RoleName: 'caller', AssumeRolePolicyDocument: '{"Statement":[]}' },
    });
  });
  beforeEach(() => allow('lambda:InvokeFunction'));

  test('invokes nothing without permission of its role, and continues with it', async () => {
    await allow('lambda:GetFunction');
    await create(NOTES);
    await schedule('CreateSchedule', 'rate(1 minute)');
    const invoked: unknown[] = [];
    const stop = cloud.onCall(({ action, caller, error }) => {
      if (action === 'Invoke') invoked.push([caller, error]);
    });
    await clock.advance(60_000);
    await allow('lambda:InvokeFunction');
    await clock.advance(60_000);
    stop();
    const caller = `caller/${FunctionName}`;
    expect(invoked).toEqual([
      [caller, 'AccessDenied'],
      [caller, undefined],
    ]);
    expect(await noted()).toHaveLength(1);
    await cloud.call('scheduler', 'DeleteSchedule', { Name: FunctionName });
  });

  test('invokes its function by the cloud’s clock until it is disabled or deleted', async () => {
    await create(NOTES);
    await schedule('CreateSchedule', 'rate(1 minute)');
    await clock.advance(59_999);
    expect(await noted()).toEqual([]);
    await clock.advance(1);
    expect(await noted()).toEqual([{ from: 'schedule' }]);
    await schedule('UpdateSchedule', 'rate(2 minutes)');
    await clock.advance(120_000);
    expect(await noted()).toHaveLength(2);
    await schedule('UpdateSchedule', 'rate(2 minutes)', { State: 'DISABLED' });
    await clock.advance(600_000);
    expect(await noted()).toHaveLength(2);
    expect(await cloud.call('scheduler', 'GetSchedule', { Name: FunctionName })).toMatchObject({
      State: 'DISABLED',
      GroupName: 'default',
      ScheduleExpression: 'rate(2 minutes)',
    });
    await cloud.call('scheduler', 'DeleteSchedule', { Name: FunctionName });
    await expect(cloud.call('scheduler', 'GetSchedule', { Name: FunctionName })).rejects.toMatchObject({
      code: 'ResourceNotFoundException',
    });
  });

  test('starts no run while the last one is in progress', async () => {
    await create(
      `import { appendFileSync, existsSync } from 'node:fs';
       const note = (what) => appendFileSync(process.env.HOME + '/noted', JSON.stringify(what) + '\\n');
       const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
       export const handler = async () => {
         note('start');
         while (!existsSync(process.env.HOME + '/go')) await wait(10);
         await wait(100);
         note('end');
       };`,
      { Timeout: 60 },
    );
    await schedule('CreateSchedule', 'rate(1 minute)');
    const invoked: string[] = [];
    const stop = cloud.onCall(({ action }) => action === 'Invoke' && invoked.push(action));
    const played = clock.advance(180_000);
    await expect.poll(noted, PATIENCE).toContain('start');
    expect(invoked).toHaveLength(1);
    await writeFile(join(cloud.context.directory, 'functions', FunctionName, 'go'), '');
    await played;
    stop();
    await expect.poll(async () => (await noted()).length, PATIENCE).toBe(6);
    expect(await noted()).toEqual(['start', 'end', 'start', 'end', 'start', 'end']);
    await cloud.call('scheduler', 'DeleteSchedule', { Name: FunctionName });
  });

  test('continues if its function does not exist', async () => {
    await schedule('CreateSchedule', 'rate(1 minute)');
    await clock.advance(60_000);
    await create(NOTES);
    await clock.advance(60_000);
    expect(await noted()).toHaveLength(1);
    await cloud.call('scheduler', 'DeleteSchedule', { Name: FunctionName });
  });

  test.each([
    ['cron(0 12 * * ? *)', 'cron is not implemented here'],
    ['rate(0 minutes)', 'Invalid Schedule Expression'],
    ['rate(1 fortnight)', 'Invalid Schedule Expression'],
    ['tomorrow', 'Invalid Schedule Expression'],
  ])('of %s is refused', async (expression, message) => {
    await expect(schedule('CreateSchedule', expression)).rejects.toThrow(message);
  });
});
