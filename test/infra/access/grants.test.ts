import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Clients, createClients } from '../../../aws/clients.ts';
import { AccessDeniedError, UnknownInstanceError } from '../../../client/errors.ts';
import { type FindOptions, Fleet } from '../../../client/fleet.ts';
import type { IWorkerFleet } from '../../../infra/imported-fleet.ts';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import type { Cloud } from '../../../local/cloud.ts';
import { groupKey, placeKey, requestKey, targetKey } from '../../../store/keys.ts';
import { createStack, STACK_NAME } from '../../support/deploy.ts';
import { eventually } from '../../support/eventually.ts';
import { startFleet, type TestFleet } from '../../support/fleet.ts';

const START_MS = 240_000;

const PROPS = { concurrency: 4, maxCapacity: 1, lease: Duration.seconds(30) };

/** The roles, each with one grant. */
function grantees(stack: Stack, fleet: WorkerFleet): void {
  grantEach(stack, fleet, '');
}

function grantEach(stack: Stack, fleet: IWorkerFleet, prefix: string): void {
  const role = (kind: string) => {
    const roleName = `${prefix}${kind}`;
    return new Role(stack, roleName, { roleName, assumedBy: new AccountRootPrincipal() });
  };
  fleet.grantEnqueue(role('producer'));
  fleet.grantRequest(role('requester'));
  fleet.grantFollow(role('follower'));
  fleet.grantOperate(role('operator'));
}

/** A stack of another app, which knows the fleet by its name, and the keys by their ARNs. */
async function deployOtherStack(cloud: Cloud): Promise<void> {
  const stack = new Stack(new App({ analyticsReporting: false }), 'Other');
  const keyOf = async (id: string) => {
    const { KeyMetadata } = await cloud.call('kms', 'DescribeKey', { KeyId: `alias/${id}` });
    return Key.fromKeyArn(stack, id, (KeyMetadata as { Arn: string }).Arn);
  };
  const encryptionKeys = {
    queues: await keyOf('Queues'),
    table: await keyOf('Table'),
    logBucket: await keyOf('Logs'),
  };
  const fleet = WorkerFleet.fromName(stack, 'Fleet', `${STACK_NAME}/test`, { encryptionKeys });
  grantEach(stack, fleet, 'other-');
  const template = JSON.stringify(Template.fromStack(stack).toJSON());
  await createStack(cloud, { template, assets: [] }, stack.stackName);
}

/** The keys of all stores. A grant for a store has no effect without permission for its key. */
function ownKeys(stack: Stack): WorkerFleetProps {
  const key = (id: string) => new Key(stack, id, { alias: id, removalPolicy: RemovalPolicy.DESTROY });
  return { encryptionKeys: { queues: key('Queues'), table: key('Table'), logBucket: key('Logs') } };
}

/** Encrypts the bucket of assets as `cdk bootstrap --bootstrap-kms-key-id` does. */
async function encryptAssets({ call, accountId, region }: Cloud): Promise<void> {
  const { KeyMetadata } = await call('kms', 'CreateKey', { Description: 'The owner has it for all assets' });
  const { Arn: KMSMasterKeyID } = KeyMetadata as { Arn: string };
  const ApplyServerSideEncryptionByDefault = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID };
  await call('s3', 'PutBucketEncryption', {
    Bucket: `cdk-hnb659fds-assets-${accountId}-${region}`,
    ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault }] },
  });
}

let deployed: TestFleet;
const open: { close(): void }[] = [];

/** Lets clients that are created from now on have the credentials of a role. */
function assume(roleName: string): void {
  const { endpoint, region, accountId, context } = deployed.cloud;
  const session = context.issueSession(`arn:aws:iam::${accountId}:role/${roleName}`, 'somebody');
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: session.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: session.SecretAccessKey,
    AWS_SESSION_TOKEN: session.SessionToken,
  });
}

/** The clients that agents and the keeper use, with the credentials that were assumed last. */
function makeClients(): Clients {
  const clients = createClients(deployed.cloud.region);
  open.push({ close: () => clients.destroy() });
  return clients;
}

/** The library with the credentials of a role. */
async function fleetAs(roleName: string, options: FindOptions): Promise<Fleet> {
  assume(roleName);
  const fleet = await Fleet.find(options);
  open.push(fleet);
  return fleet;
}

async function outputOf(fleet: Fleet, job: string): Promise<number> {
  let bytes = 0;
  for await (const event of fleet.logs(job)) if (event.kind === 'output') bytes += event.bytes.length;
  return bytes;
}

const refused = (call: Promise<unknown>) => expect(call).rejects.toThrow(AccessDeniedError);

const ACCESS_DENIED = { name: expect.stringMatching(/^AccessDenied/) };

/** The name of a role of the fleet's own. */
async function ownRole(kind: string): Promise<string> {
  const { Roles } = await deployed.cloud.call('iam', 'ListRoles', {});
  const names = (Roles as { RoleName: string }[]).map(({ RoleName }) => RoleName);
  const found = names.filter((name) => name.includes(`-Fleet${kind}`));
  expect(found).toHaveLength(1);
  return found[0] ?? '';
}

const GROUP_KINDS = ['group', 'target', 'place', 'request'];

/** Which kinds of items of groups and requests a role may read and put, by a call for each. */
async function groupKindsOf(roleName: string): Promise<{ reads: string[]; puts: string[] }> {
  assume(roleName);
  const { dynamodb } = makeClients();
  const TableName = deployed.stack.table;
  const keys = [groupKey('shop/web'), targetKey('web-1'), placeKey('shop/web', 1), requestKey('deploy-7')];
  const allowed = async (call: (pk: { S: string }) => Promise<unknown>) => {
    const answers = await Promise.allSettled(keys.map((S) => call({ S })));
    const refusals = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(refusals).toEqual(refusals.map(() => expect.objectContaining(ACCESS_DENIED)));
    return GROUP_KINDS.filter((_, index) => answers[index]?.status === 'fulfilled');
  };
  const puts = await allowed((pk) => dynamodb.send(new PutItemCommand({ TableName, Item: { pk } })));
  const reads = await allowed((pk) => dynamodb.send(new GetItemCommand({ TableName, Key: { pk } })));
  for (const S of keys) {
    await deployed.clients.dynamodb.send(new DeleteItemCommand({ TableName, Key: { pk: { S } } }));
  }
  return { reads, puts };
}

/** Calls that AWS must refuse for a role, without the library. */
async function expectNoMore(fleet: Fleet): Promise<void> {
  const { clients, facts } = fleet.context;
  const overwrite = new PutItemCommand({ TableName: facts.table, Item: { pk: { S: 'fleet' } } });
  await expect(clients.dynamodb.send(overwrite)).rejects.toMatchObject(ACCESS_DENIED);
  const forge = new PutObjectCommand({
    Bucket: facts.logBucket,
    Key: 'jobs/j-1/k/stdout/00000001',
    Body: 'x',
  });
  await expect(clients.s3.send(forge)).rejects.toMatchObject(ACCESS_DENIED);
  const lastWords = new GetObjectCommand({ Bucket: facts.logBucket, Key: 'instances/i-1/log' });
  await expect(clients.s3.send(lastWords)).rejects.toMatchObject(ACCESS_DENIED);
}

describe('with the grant to it alone, of a fleet whose stores and assets have keys of the owner', () => {
  beforeAll(async () => {
    deployed = await startFleet(PROPS, { around: grantees, makeProps: ownKeys, prepare: encryptAssets });
    await deployOtherStack(deployed.cloud);
  }, START_MS);
  afterEach(() => {
    for (const fleet of open.splice(0)) fleet.close();
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  });
  afterAll(() => deployed.close());

  it(
    'a producer enqueues, one job and many, short and long, once, and sees what becomes of them',
    async () => {
      const fleet = await fleetAs('producer', { stack: STACK_NAME });
      const one = await fleet.enqueue({ print: 100_000 }, { dedupe: 'once' });
      expect(await fleet.enqueue({ print: 100_000 }, { dedupe: 'once' })).toMatchObject({
        id: one.id,
        deduplicated: true,
      });
      const long = await fleet.enqueue('x'.repeat(1_100_000));
      const many = await fleet.enqueueMany(
        Array.from({ length: 12 }, (_, index) => ({ body: `job ${index}` })),
      );
      const ids = [one.id, long.id, ...many.ids];
      const ended = await fleet.wait(ids, { pollSeconds: 0.5 });
      expect(ended.map(({ state }) => state)).toEqual(ids.map(() => 'succeeded'));
      expect((await fleet.status(long.id, { body: true })).bodyStart).toMatch(/^x+$/);
      await refused(fleet.body(long.id));
      await refused(outputOf(fleet, one.id));
      await refused(fleet.list());
      await refused(fleet.deadLetters.list());
      await refused(fleet.pause());
      await refused(fleet.drain('i-none'));
      await refused(fleet.describe());
      await expectNoMore(fleet);
    },
    START_MS,
  );

  it(
    'a follower sees jobs, their bodies and their logs, and changes nothing',
    async () => {
      const print = 100_000;
      const pad = 'x'.repeat(1_100_000);
      const [short = ''] = await deployed.send({ print: 10 });
      const { id: long } = await (await fleetAs('producer', { stack: STACK_NAME })).enqueue({ print, pad });
      const fleet = await fleetAs('follower', { stack: STACK_NAME, fleet: 'test' });
      const ended = await fleet.wait([short, long], { pollSeconds: 0.5, timeoutSeconds: 60 });
      expect(ended.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
      expect(await fleet.status(short)).toMatchObject({ id: short, finished: true });
      expect((await fleet.list()).map(({ id }) => id)).toEqual(expect.arrayContaining([short, long]));
      expect(await fleet.list({ states: ['running'], instance: 'i-0123456789abcdef0' })).toEqual([]);
      expect((await fleet.describe()).queue).toMatchObject({ visible: expect.any(Number) });
      expect(await outputOf(fleet, short)).toBe(10);
      expect(await outputOf(fleet, long)).toBe(100_000);
      expect(JSON.parse(await fleet.body(long))).toEqual({ print, pad });
      await refused(fleet.enqueue('x'));
      const many = fleet.enqueueMany([{ body: 'x' }]);
      await expect(many).rejects.toMatchObject({ cause: { name: 'AccessDeniedError' } });
      await refused(fleet.cancel([short]));
      await refused(fleet.retry(short));
      await refused(fleet.cleanup([short]));
      await refused(fleet.deadLetters.list());
      await refused(fleet.resume());
      await expectNoMore(fleet);
    },
    START_MS,
  );

  it('who may enqueue may write groups, and who may make requests writes those too', async () => {
    const withoutRequests = GROUP_KINDS.filter((kind) => kind !== 'request');
    for (const prefix of ['', 'other-']) {
      const of = (role: string) => groupKindsOf(`${prefix}${role}`);
      expect(await of('producer')).toEqual({ reads: GROUP_KINDS, puts: withoutRequests });
      expect(await of('requester')).toEqual({ reads: GROUP_KINDS, puts: GROUP_KINDS });
      expect(await of('follower')).toEqual({ reads: GROUP_KINDS, puts: [] });
      expect(await of('operator')).toEqual({ reads: GROUP_KINDS, puts: GROUP_KINDS });
    }
    for (const kind of ['AgentRole', 'KeeperRole']) {
      expect(await groupKindsOf(await ownRole(kind))).toEqual({ reads: GROUP_KINDS, puts: withoutRequests });
    }
    expect(await groupKindsOf(await ownRole('WorkerRole'))).toEqual({ reads: [], puts: [] });
  });

  it(
    'agents and the keeper send to the queue, which has a key of the owner, and workers do not',
    async () => {
      const sent: string[] = [];
      const send = async (role: string) => {
        assume(role);
        const input = {
          QueueUrl: deployed.stack.queueUrl,
          MessageBody: '{"print":1}',
          MessageGroupId: 'deploy-7',
        };
        const { MessageId } = await makeClients().sqs.send(new SendMessageCommand(input));
        sent.push(`m-${MessageId}`);
      };
      for (const kind of ['AgentRole', 'KeeperRole']) await send(await ownRole(kind));
      await expect(send(await ownRole('WorkerRole'))).rejects.toMatchObject(ACCESS_DENIED);
      deployed.account(...sent);
      const fleet = await fleetAs('follower', { stack: STACK_NAME });
      // Nobody knows such a job before an agent has received its message.
      await eventually(
        'the two jobs',
        async () => (await fleet.status(sent)).every(({ state }) => state === 'succeeded'),
        START_MS,
      );
    },
    START_MS,
  );

  it(
    'those whom another stack, which knows the fleet by its name, has granted the same can do the same',
    async () => {
      const producer = await fleetAs('other-producer', { stack: STACK_NAME });
      const { id } = await producer.enqueue({ print: 100_000, pad: 'x'.repeat(1_100_000) });
      expect(await producer.wait([id], { pollSeconds: 0.5 })).toMatchObject([{ state: 'succeeded' }]);
      await refused(producer.list());
      await expectNoMore(producer);
      const follower = await fleetAs('other-follower', { stack: STACK_NAME, fleet: 'test' });
      expect((await follower.list()).map((job) => job.id)).toContain(id);
      expect(await outputOf(follower, id)).toBe(100_000);
      await refused(follower.pause());
      await expectNoMore(follower);
      const operator = await fleetAs('other-operator', { stack: STACK_NAME });
      const unseen = (await operator.diagnose()).findings.filter(({ text }) => /Could not be/.test(text));
      expect(unseen).toEqual([]);
      expect(await operator.cleanup([id])).toMatchObject([{ outcome: 'removed' }]);
      expect(await operator.pause()).toMatchObject({ alreadyPaused: false });
      expect((await operator.resume()).suspended).toBe(true);
    },
    START_MS,
  );

  it(
    'an operator does all that there is to do',
    async () => {
      const fleet = await fleetAs('operator', { stack: STACK_NAME });
      const failing = await fleet.enqueueMany(Array.from({ length: 3 }, () => ({ body: { exit: 65 } })));
      const [first = '', second = '', third = ''] = failing.ids;
      await fleet.wait(failing.ids, { pollSeconds: 0.5 });
      const endless = await fleet.enqueue({ sleepMs: 600_000 });
      await deployed.event('start', endless.id);
      expect((await fleet.describe()).instances.length).toBeGreaterThan(0);
      const unseen = (await fleet.diagnose()).findings.filter(({ text }) => /Could not be/.test(text));
      expect(unseen).toEqual([]);
      expect(await fleet.cancel([endless.id], { wait: true })).toMatchObject([{ outcome: 'cancelled' }]);
      const long = await fleet.enqueue({ print: 100_000, pad: 'x'.repeat(1_100_000) });
      await fleet.wait([long.id], { pollSeconds: 0.5 });
      expect(await outputOf(fleet, long.id)).toBe(100_000);
      const again = await fleet.retry(long.id);
      await fleet.wait([again.id], { pollSeconds: 0.5 });

      expect((await fleet.deadLetters.show(first)).reason).toContain('65');
      const redriven = await fleet.deadLetters.redrive({ ids: [first] });
      expect(redriven.outcomes).toMatchObject([{ id: first, outcome: 'redriven' }]);
      expect(await fleet.deadLetters.purge({ ids: [second] })).toMatchObject({ count: 1 });
      await fleet.deadLetters.purge({ all: true });

      expect(await fleet.cleanup([third, long.id])).toMatchObject([
        { outcome: 'removed' },
        { outcome: 'removed' },
      ]);
      expect((await fleet.cleanupEnded({ before: new Date(Date.now() + 60_000) })).jobs).toBeGreaterThan(0);
      expect(await fleet.pause()).toMatchObject({ alreadyPaused: false });
      await expect(fleet.drain('i-none')).rejects.toThrow(UnknownInstanceError);
      expect((await fleet.resume()).suspended).toBe(true);
    },
    START_MS,
  );
});
