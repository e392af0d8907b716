import { Writable } from 'node:stream';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openWorkerAccess, type WorkerAccess } from '../../../agent/credentials/worker-access.ts';
import { RefusalTracker } from '../../../agent/supervision/refusals.ts';
import { type Clock, systemClock } from '../../../aws/clock.ts';
import { createStsClients, type StsClients } from '../../../aws/sts-clients.ts';
import { createSimulatedClock } from '../../../local/clock.ts';
import { startTestCloud, type TestCloud } from '../../../local/test/support/cloud.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MINUTE = 60_000;
const INSTANCE = 'i-0123456789abcdef0';
const arnOf = (role: string) => `arn:aws:iam::000000000000:role/${role}`;

const awsTime = createSimulatedClock();
let cloud: TestCloud;
let clients: StsClients;
let access: WorkerAccess | undefined;
let lines: { level: string; msg: string }[];

beforeAll(async () => {
  cloud = await startTestCloud({ clock: awsTime });
  const AssumeRolePolicyDocument = JSON.stringify({ Statement: [] });
  for (const RoleName of ['instance', 'worker']) {
    await cloud.call('iam', 'CreateRole', { RoleName, AssumeRolePolicyDocument });
  }
});
afterAll(() => cloud.close());

beforeEach(async () => {
  lines = [];
  await trust('instance');
});
afterEach(async () => {
  cloud.faults.clear();
  clients.destroy();
  await access?.close();
});

async function trust(role: string): Promise<void> {
  const Statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: arnOf(role) } };
  const PolicyDocument = JSON.stringify({ Statement });
  await cloud.call('iam', 'UpdateAssumeRolePolicy', { RoleName: 'worker', PolicyDocument });
}

/** The worker access of an agent on an instance. Its clients find the embedded cloud as they find AWS. */
async function open(clock: Clock = systemClock): Promise<Record<string, string>> {
  const { credentials } = cloud.clientAs(arnOf('instance'), INSTANCE);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
  });
  clients = createStsClients(cloud.region);
  // A call that an earlier test has not waited for may end during this one.
  const own = lines;
  const output = new Writable({
    write(chunk, _, done) {
      own.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const config = { workerRole: arnOf('worker'), concurrency: 1 };
  const log = pino({ level: 'debug', base: null, formatters: { level: (level) => ({ level }) } }, output);
  const refusals = new RefusalTracker(clock);
  const given = { config, clients, instance: INSTANCE, clock, refusals, random: () => 0.5, log };
  access = await openWorkerAccess(given);
  return access?.admit().variables ?? {};
}

/** Asks as a worker does. */
async function ask(variables: Record<string, string>) {
  const response = await fetch(variables['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '', {
    headers: { authorization: variables['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '' },
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

/** The role of the credentials in an answer, as STS reports it. */
async function whose({ body }: { body: Record<string, string> }): Promise<string | undefined> {
  const { AccessKeyId = '', SecretAccessKey = '', Token = '' } = body;
  const credentials = {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
  };
  const sts = new STSClient({ ...cloud.client, credentials });
  try {
    return (await sts.send(new GetCallerIdentityCommand({}))).Arn;
  } finally {
    sts.destroy();
  }
}

const assumes = async () => (await cloud.calls()).filter(({ action }) => action === 'AssumeRole');

test('the credentials are those of the worker role, in a session that names the instance', async () => {
  const answer = await ask(await open(new ManualClock()));
  expect(await whose(answer)).toBe(`arn:aws:sts::000000000000:assumed-role/worker/mayfly-${INSTANCE}`);
  expect(answer.body['Expiration']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect((await assumes()).at(-1)).toMatchObject({ caller: `instance/${INSTANCE}`, status: 200 });
});

test('before credentials expire, new ones have been fetched', async () => {
  const clock = new ManualClock();
  const pass = (ms: number) => Promise.all([awsTime.advance(ms), clock.advance(ms)]);
  const variables = await open(clock);
  const first = await ask(variables);
  await pass(40 * MINUTE);
  const next = await eventually('the next', async () => {
    const answer = await ask(variables);
    return answer.body['AccessKeyId'] !== first.body['AccessKeyId'] && answer;
  });
  await pass(25 * MINUTE);
  await expect(whose(first)).rejects.toMatchObject({ name: 'ExpiredToken' });
  expect(await ask(variables)).toEqual(next);
  expect(await whose(next)).toContain('assumed-role/worker/');
});

test('when STS fails briefly, the call is repeated within the request', async () => {
  const variables = await open(new ManualClock());
  cloud.faults.add({ service: 'sts', times: 2, effect: { kind: 'error', code: 'Internal', status: 500 } });
  expect((await ask(variables)).status).toBe(200);
});

test('while STS is down the worker gets an error, and credentials as soon as STS is back', async () => {
  const variables = await open();
  cloud.faults.add({ service: 'sts', effect: { kind: 'error', code: 'ServiceUnavailable', status: 503 } });
  expect((await ask(variables)).status).toBe(503);
  expect((await ask(variables)).status).toBe(503);
  await eventually('the complaint', () => lines.length > 0);
  cloud.faults.clear();
  await eventually('credentials', async () => (await ask(variables)).status === 200);
  expect(lines.map(({ level }) => level)).toEqual(['warn', 'info']);
});

test('when STS hangs, a worker waits for less than a second', async () => {
  const clock = new ManualClock();
  const variables = await open(clock);
  const fault = cloud.faults.add({ service: 'sts', effect: { kind: 'timeout', applied: false } });
  const asked = ask(variables);
  await eventually('the call', () => fault.timesApplied > 0);
  await clock.advance(999);
  expect((await asked).status).toBe(503);
});

test('a role that does not trust the instance is reported as such', async () => {
  const variables = await open();
  await trust('another');
  const refusal = await eventually('the refusal', async () => {
    const answer = await ask(variables);
    return answer.status === 403 && answer;
  });
  expect(refusal.body['code']).toBe('AccessDenied');
  expect(lines).toMatchObject([{ level: 'error', msg: expect.stringContaining('trust policy') }]);
  await trust('instance');
  await eventually('credentials', async () => (await ask(variables)).status === 200);
});

test('no secret is logged', async () => {
  const variables = await open();
  cloud.faults.add({ service: 'sts', effect: { kind: 'error', code: 'ServiceUnavailable', status: 503 } });
  await ask(variables);
  await eventually('the complaint', () => lines.length > 0);
  cloud.faults.clear();
  const { body } = await eventually('credentials', async () => {
    const answer = await ask(variables);
    return answer.status === 200 && answer;
  });
  const text = JSON.stringify(lines);
  expect(text).toContain('workers get AWS credentials again');
  for (const secret of [
    body['SecretAccessKey'],
    body['Token'],
    variables['AWS_CONTAINER_AUTHORIZATION_TOKEN'],
  ]) {
    expect(secret).toBeTruthy();
    expect(text).not.toContain(secret);
  }
});
