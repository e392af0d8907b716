import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AgentConfigInput } from '../../../agent/config/agent-config.ts';
import { openWorkerAccess, type WorkerAccess } from '../../../agent/credentials/worker-access.ts';
import { CACHE_MS } from '../../../agent/secrets/secret-cache.ts';
import { openWorkerSecrets, type WorkerSecrets } from '../../../agent/secrets/worker-secrets.ts';
import { RefusalTracker } from '../../../agent/supervision/refusals.ts';
import { createStsClients, type StsClients } from '../../../aws/sts-clients.ts';
import { startTestCloud, type TestCloud } from '../../../local/test/support/cloud.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import {
  allowReading,
  createWorkerRole,
  denyReading,
  parameterArn,
  WORKER_ROLE,
} from '../../support/worker-role.ts';

type Secrets = NonNullable<AgentConfigInput['secrets']>;

/** Parts of the values, which nothing but a worker may get. */
const PASSWORD = 'hunter2';
const KEY = 'swordfish';

const TOKEN: Secrets = { TOKEN: { source: 'ssm', id: '/db/token' } };

let cloud: TestCloud;
let sts: StsClients | undefined;
let access: WorkerAccess | undefined;
let secrets: WorkerSecrets | undefined;
let clock: ManualClock;
let refusals: RefusalTracker;
let lines: { level: string; msg: string; error?: string }[];

beforeAll(async () => {
  cloud = await startTestCloud();
  await createWorkerRole(cloud);
});
afterAll(() => cloud.close());

beforeEach(async () => {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_ACCESS_KEY_ID: cloud.owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.owner.secretAccessKey,
  });
  clock = new ManualClock();
  refusals = new RefusalTracker(clock);
  lines = [];
  await put('/db/token', PASSWORD);
  await put('/db/user', `{"name": "u-${PASSWORD}", "key": "k-${KEY}", "port": 5432}`);
  await allowReading(cloud, parameterArn('/db/*'));
});
afterEach(async () => {
  cloud.faults.clear();
  secrets?.close();
  await access?.close();
  sts?.destroy();
});

const put = (Name: string, Value: string) =>
  cloud.call('ssm', 'PutParameter', { Name, Type: 'SecureString', Value, Overwrite: true });

let made = 0;
/** Creates a secret that the role may read. Returns its ARN. */
async function create(secret: object): Promise<string> {
  made += 1;
  const request = { Name: `db-${made}`, ClientRequestToken: randomUUID(), ...secret };
  const { ARN } = await cloud.call('secretsmanager', 'CreateSecret', request);
  await allowReading(cloud, String(ARN));
  return String(ARN);
}

/** The secrets of an agent on an instance. Its clients find the embedded cloud as they find AWS. */
async function open(config: Secrets): Promise<WorkerSecrets> {
  const own = lines;
  const output = new Writable({
    write(chunk, _, done) {
      own.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const log = pino({ level: 'debug', base: null, formatters: { level: (level) => ({ level }) } }, output);
  const shared = { clock, refusals, random: () => 0.5, log };
  sts = createStsClients(cloud.region);
  const given = { workerRole: WORKER_ROLE, concurrency: 1, region: cloud.region, secrets: config };
  access = await openWorkerAccess({ ...shared, config: given, clients: sts, instance: 'i-1' });
  secrets = openWorkerSecrets({ ...shared, config: given, access });
  if (!secrets) throw new Error('no secrets');
  return secrets;
}

const readings = async () =>
  (await cloud.calls()).filter(({ action }) => action === 'GetParameter' || action === 'GetSecretValue');

/** Reads them, and has to fail. */
async function failure(config: Secrets) {
  const opened = await open(config);
  const error = await opened.read().then(
    () => Promise.reject(new Error('they were read')),
    (error: Error) => error,
  );
  expect(error).toMatchObject({ name: 'SecretsUnreadableError' });
  for (const text of [JSON.stringify(lines), error.stack, JSON.stringify(refusals.current)]) {
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toContain(KEY);
  }
  return error;
}

test('a fleet without secrets opens nothing', () => {
  const config = { region: 'us-east-1', secrets: {} };
  const log = pino({ level: 'silent' });
  expect(
    openWorkerSecrets({ config, access: undefined, clock, refusals, random: () => 0, log }),
  ).toBeUndefined();
});

test("secrets are read with the workers' role: values, fields and files", async () => {
  const opened = await open({
    ...TOKEN,
    DB_USER: { source: 'ssm', id: '/db/user', field: 'name' },
    DB_PORT: { source: 'ssm', id: '/db/user', field: 'port' },
    DB_KEY: { source: 'ssm', id: '/db/user', field: 'key', file: true },
  });
  const before = (await readings()).length;
  expect(await opened.read()).toEqual({
    variables: { TOKEN: PASSWORD, DB_USER: `u-${PASSWORD}`, DB_PORT: '5432' },
    files: { DB_KEY: `k-${KEY}` },
  });
  const calls = (await readings()).slice(before);
  // The fields of one secret are of one version.
  expect(calls).toHaveLength(2);
  for (const { caller } of calls) expect(caller).toBe('worker/mayfly-i-1');
  expect(lines).toEqual([]);
});

describe('of Secrets Manager', () => {
  test('fields, and the new version after a rotation', async () => {
    const id = await create({ SecretString: `{"user": "u-${PASSWORD}", "port": 5432}` });
    const opened = await open({
      DB_USER: { source: 'secretsmanager', id, field: 'user' },
      DB_PORT: { source: 'secretsmanager', id, field: 'port' },
      DB: { source: 'secretsmanager', id, file: true },
    });
    const before = (await readings()).length;
    expect(await opened.read()).toEqual({
      variables: { DB_USER: `u-${PASSWORD}`, DB_PORT: '5432' },
      files: { DB: `{"user": "u-${PASSWORD}", "port": 5432}` },
    });
    expect(await readings()).toHaveLength(before + 1);
    const SecretString = `{"user": "u-${KEY}", "port": 1}`;
    await cloud.call('secretsmanager', 'PutSecretValue', {
      ...{ SecretId: id, SecretString },
      ClientRequestToken: randomUUID(),
    });
    await clock.advance(CACHE_MS);
    expect(await opened.read()).toMatchObject({ variables: { DB_USER: `u-${KEY}`, DB_PORT: '1' } });
  });

  test('by a part of its ARN, as CDK has it of a secret by name', async () => {
    const id = await create({ SecretString: PASSWORD });
    const opened = await open({ DB: { source: 'secretsmanager', id: id.replace(/-.{6}$/, '') } });
    expect(await opened.read()).toMatchObject({ variables: { DB: PASSWORD } });
  });

  test.each<[what: string, secret: object, change: (id: string) => Promise<unknown>, reason: string]>([
    ['not permitted', { SecretString: PASSWORD }, () => denyReading(cloud), 'AccessDeniedException: '],
    [
      'scheduled for deletion',
      { SecretString: PASSWORD },
      (SecretId) => cloud.call('secretsmanager', 'DeleteSecret', { SecretId }),
      'InvalidRequestException: ',
    ],
    [
      'deleted',
      { SecretString: PASSWORD },
      (SecretId) =>
        cloud.call('secretsmanager', 'DeleteSecret', { SecretId, ForceDeleteWithoutRecovery: true }),
      "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    ],
    [
      'binary',
      { SecretBinary: Buffer.from(PASSWORD).toString('base64') },
      async () => {},
      'its value is binary',
    ],
  ])('one that is %s is named with the reason', async (_, secret, change, reason) => {
    const id = await create(secret);
    await change(id);
    const error = await failure({ DB: { source: 'secretsmanager', id } });
    expect(error.message).toMatch(`DB (${id}): ${reason}`);
    expect(error).toMatchObject({ kind: 'lasting' });
  });

  test('under a key that the role may not use', async () => {
    const { KeyMetadata } = await cloud.call('kms', 'CreateKey', {});
    const { KeyId } = KeyMetadata as { KeyId: string };
    const id = await create({ SecretString: PASSWORD, KmsKeyId: KeyId });
    expect(await failure({ DB: { source: 'secretsmanager', id } })).toMatchObject({
      kind: 'lasting',
      message: expect.stringMatching(/\): AccessDeniedException: .*kms/i),
    });
  });
});

test('jobs that start at once share a call, and later ones what was read, for a minute', async () => {
  const opened = await open(TOKEN);
  const before = (await readings()).length;
  const all = await Promise.all(Array.from({ length: 20 }, () => opened.read()));
  expect(new Set(all.map(({ variables }) => variables['TOKEN']))).toEqual(new Set([PASSWORD]));
  await put('/db/token', KEY);
  await clock.advance(CACHE_MS - 1);
  expect(await opened.read()).toMatchObject({ variables: { TOKEN: PASSWORD } });
  expect(await readings()).toHaveLength(before + 1);
  await clock.advance(1);
  expect(await opened.read()).toMatchObject({ variables: { TOKEN: KEY } });
  expect(await readings()).toHaveLength(before + 2);
});

describe('a secret that cannot be read is named with the reason:', () => {
  test.each<[what: string, secret: Secrets[string], kind: string, reason: string]>([
    ['not permitted', { source: 'ssm', id: '/other' }, 'lasting', 'AccessDeniedException: '],
    [
      'missing',
      { source: 'ssm', id: '/db/gone' },
      'lasting',
      'ParameterNotFound: Parameter /db/gone not found.',
    ],
    ['not JSON', { source: 'ssm', id: '/db/token', field: 'a' }, 'lasting', 'its value is not a JSON object'],
    [
      'without the field',
      { source: 'ssm', id: '/db/user', field: 'a' },
      'lasting',
      'its value has no field "a"',
    ],
  ])('%s', async (_, secret, kind, reason) => {
    const error = await failure({ ...TOKEN, DB: secret });
    expect(error.message).toMatch(`DB (${secret.id}): ${reason}`);
    expect(error).toMatchObject({ kind });
    expect(refusals.current.secrets).toMatchObject({ kind, error: error.message });
    expect(lines).toMatchObject([{ level: 'error', error: error.message }]);
  });

  test('with a NUL', async () => {
    await put('/db/token', `${PASSWORD}\0`);
    expect((await failure(TOKEN)).message).toMatch(/^TOKEN \(\/db\/token\): its value has a NUL character/);
  });

  test('several at once, those that last before those that pass', async () => {
    cloud.faults.add({ action: 'GetParameter', input: { Name: '/db/token' }, effect: { kind: 'throttle' } });
    const error = await failure({
      ...TOKEN,
      A: { source: 'ssm', id: '/db/user', field: 'a' },
      B: { source: 'ssm', id: '/db/gone' },
    });
    expect(error.message).toMatch(/^A \(\/db\/user\): its value has .*; B \(\/db\/gone\): ParameterNotFound/);
    expect(error.message).not.toContain('TOKEN');
  });

  test.each([500, 503])('an outage, %d', async (status) => {
    cloud.faults.add({
      action: 'GetParameter',
      effect: { kind: 'error', code: 'InternalServerError', status },
    });
    expect(await failure(TOKEN)).toMatchObject({ kind: 'passing' });
    expect(refusals.current.secrets).toMatchObject({ kind: 'passing' });
    expect(lines).toMatchObject([{ level: 'warn' }]);
  });

  test("no credentials of the workers' role", async () => {
    cloud.faults.add({ service: 'sts', effect: { kind: 'error', code: 'ServiceUnavailable', status: 503 } });
    const error = await failure(TOKEN);
    expect(error).toMatchObject({
      kind: 'passing',
      message: expect.stringMatching(/^TOKEN \(\/db\/token\): /),
    });
  });

  test('an answer that is not JSON, of which the error of the parser would quote a part', async () => {
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      response.end(`{"Parameter": {"Value": ${PASSWORD}}}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    process.env['AWS_ENDPOINT_URL_SSM'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect((await failure(TOKEN)).message).toContain('the answer of AWS is not valid');
    } finally {
      delete process.env['AWS_ENDPOINT_URL_SSM'];
      server.close();
      server.closeAllConnections();
    }
  });
});

test('when it cannot be read again, what was read before is not used', async () => {
  const opened = await open(TOKEN);
  await opened.read();
  await clock.advance(CACHE_MS);
  cloud.faults.add({
    action: 'GetParameter',
    effect: { kind: 'error', code: 'InternalServerError', status: 500 },
  });
  await expect(opened.read()).rejects.toMatchObject({ kind: 'passing' });
  cloud.faults.clear();
  expect(await opened.read()).toMatchObject({ variables: { TOKEN: PASSWORD } });
  expect(refusals.current.secrets).toBeUndefined();
});

test('a refused secret is read again without a job, until it can be, and that is logged', async () => {
  await denyReading(cloud);
  const opened = await open(TOKEN);
  await expect(opened.read()).rejects.toMatchObject({ kind: 'lasting' });
  await expect(opened.read()).rejects.toMatchObject({ kind: 'lasting' });
  await clock.advance(15_000);
  await eventually('one more refusal', () => (refusals.current.secrets?.lastingMs ?? 0) > 0);
  await allowReading(cloud, parameterArn('/db/*'));
  await eventually('the retry', async () => {
    await clock.advance(15_000);
    return refusals.current.secrets === undefined;
  });
  expect(lines.map(({ level }) => level)).toEqual(['error', 'info']);
});

test('a value that was corrected is used at the next try, not a minute later', async () => {
  const opened = await open({ KEY: { source: 'ssm', id: '/db/user', field: 'secret' } });
  await expect(opened.read()).rejects.toThrow('no field');
  await put('/db/user', `{"secret": "${KEY}"}`);
  expect(await opened.read()).toMatchObject({ variables: { KEY } });
});

test('after the close nothing is read', async () => {
  await denyReading(cloud);
  const opened = await open(TOKEN);
  await expect(opened.read()).rejects.toMatchObject({ kind: 'lasting' });
  const before = (await readings()).length;
  opened.close();
  await clock.advance(60_000);
  expect(await readings()).toHaveLength(before);
});
