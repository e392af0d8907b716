import type { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Fleet } from '../../client/fleet.ts';
import { readFleetState } from '../../store/fleet-state.ts';
import { STACK_NAME } from '../support/deploy.ts';
import { eventually } from '../support/eventually.ts';
import { startFleet, type TestFleet } from '../support/fleet.ts';
import { BY_LISTING, BY_STATE, KEY_ATTRIBUTES } from '../support/job-table.ts';

const LIMIT_MS = 300_000;

let deployed: TestFleet;
let fleet: Fleet;
beforeAll(async () => {
  deployed = await startFleet(
    { maxCapacity: 1 },
    {
      // The table of an earlier version.
      around: (_, { table }) => {
        const resource = table.node.defaultChild as CfnTable;
        resource.addPropertyOverride('GlobalSecondaryIndexes', [BY_LISTING]);
        resource.addPropertyOverride('AttributeDefinitions', KEY_ATTRIBUTES.slice(0, 2));
      },
    },
  );
  const { endpoint, region, owner } = deployed.cloud;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
  });
  fleet = await Fleet.find({ stack: STACK_NAME });
}, LIMIT_MS);
afterAll(async () => {
  fleet?.close();
  await deployed?.close();
});

const idsOf = async (options: object) =>
  (await fleet.list({ states: ['succeeded'], ...options })).map(({ id }) => id);

it(
  'a fleet with the index of earlier versions gets the new one, and runs jobs before, during and after the update',
  async () => {
    const { call, onCall } = deployed.cloud;
    const { table } = fleet.facts;
    const work = async () => {
      const { id } = await fleet.enqueue('{}');
      deployed.account(id);
      expect(await fleet.wait([id], { pollSeconds: 0.5, timeoutSeconds: 60 })).toMatchObject([
        { state: 'succeeded' },
      ]);
      return id;
    };
    const before = await work();
    expect(await idsOf({})).toEqual([before]);
    // A job that an earlier version has written, which the new index never has.
    await call('dynamodb', 'PutItem', {
      TableName: table,
      Item: {
        ...{
          pk: { S: 'job#j-earlier' },
          id: { S: 'j-earlier' },
          state: { S: 'succeeded' },
          attempts: { N: '1' },
        },
        enqueuedAt: { S: new Date(Date.now() - 60_000).toISOString() },
      },
    });
    const note = (listedSinceMs: number) =>
      call('dynamodb', 'UpdateItem', {
        ...{ TableName: table, Key: { pk: { S: 'fleet' } }, UpdateExpression: 'SET listedSinceMs = :ms' },
        ExpressionAttributeValues: { ':ms': { N: String(listedSinceMs) } },
      });
    const since = async () =>
      (await readFleetState(fleet.context.clients.dynamodb, table)).listedSinceMs ?? -1;
    // Wait for the first run of the keeper: its note must not be written after the removal below.
    await eventually('the first run of the keeper', async () => (await since()) === 0);
    await call('dynamodb', 'UpdateItem', {
      ...{ TableName: table, Key: { pk: { S: 'fleet' } }, UpdateExpression: 'REMOVE listedSinceMs' },
    });

    const { TemplateBody } = await call('cloudformation', 'GetTemplate', { StackName: STACK_NAME });
    const template = JSON.parse(String(TemplateBody));
    const [resource] = Object.values<{ Type: string; Properties: object }>(template.Resources).filter(
      ({ Type }) => Type === 'AWS::DynamoDB::Table',
    );
    Object.assign(resource?.Properties ?? {}, {
      AttributeDefinitions: KEY_ATTRIBUTES,
      GlobalSecondaryIndexes: [BY_LISTING, BY_STATE],
    });
    await call('cloudformation', 'UpdateStack', {
      ...{ StackName: STACK_NAME, TemplateBody: JSON.stringify(template), Capabilities: ['CAPABILITY_IAM'] },
    });
    const meanwhile = await work();
    await eventually('the index', async () => {
      const { Table } = await call('dynamodb', 'DescribeTable', { TableName: table });
      const { GlobalSecondaryIndexes = [] } = Table as { GlobalSecondaryIndexes?: { IndexStatus: string }[] };
      return (
        GlobalSecondaryIndexes.length === 2 &&
        GlobalSecondaryIndexes.every(({ IndexStatus }) => IndexStatus === 'ACTIVE')
      );
    });
    const after = await work();
    // The keeper notes that there are records of an earlier version. Until they expire, a list reads all records.
    await eventually('the note of the keeper', async () => (await since()) > 0, LIMIT_MS);
    expect(await idsOf({})).toEqual([after, meanwhile, before, 'j-earlier']);
    await note(1);
    const actions: string[] = [];
    const stop = onCall(({ service, caller, action }) => {
      if (service === 'dynamodb' && caller === 'owner') actions.push(action);
    });
    expect(await idsOf({})).toEqual([after, meanwhile, before]);
    stop();
    expect(actions).not.toContain('Scan');
    await deployed.backToZero();
    expect(await deployed.judge()).toMatchObject({ violations: [], counts: { succeeded: 3 } });
  },
  2 * LIMIT_MS,
);
