import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  paginateGetParametersByPath,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';

let cloud: TestCloud;
let ssm: SSMClient;

beforeAll(async () => {
  cloud = await startTestCloud();
  ssm = new SSMClient(cloud.client);
});
afterAll(async () => {
  ssm.destroy();
  await cloud.close();
});

const put = (Name: string, Value: string, Overwrite?: boolean) =>
  ssm.send(
    new PutParameterCommand({
      Name,
      Value,
      Type: 'String',
      ...(Overwrite === undefined ? {} : { Overwrite }),
    }),
  );
const get = async (Name: string) => (await ssm.send(new GetParameterCommand({ Name }))).Parameter;

test('a parameter is created, changed and deleted', async () => {
  await put('/fleet/group', 'one');
  await expect(put('/fleet/group', 'two')).rejects.toMatchObject({ name: 'ParameterAlreadyExists' });
  await put('/fleet/group', 'two', true);
  expect(await get('/fleet/group')).toMatchObject({
    Value: 'two',
    Version: 2,
    ARN: 'arn:aws:ssm:us-east-1:000000000000:parameter/fleet/group',
  });
  await ssm.send(new DeleteParameterCommand({ Name: '/fleet/group' }));
  await expect(get('/fleet/group')).rejects.toMatchObject({ name: 'ParameterNotFound' });
});

test.each([
  [{ AllowedPattern: '[a-z]+' }, 'AllowedPattern'],
  [{ Policies: '[]' }, 'Policies'],
  [{ Tier: 'Advanced' as const }, 'Tier Advanced'],
  [{ KeyId: 'alias/mine' }, 'KeyId is only valid'],
])('a parameter with %j is refused by name', async (more, name) => {
  const input = { Name: '/refused', Value: 'x', Type: 'String' as const, ...more };
  await expect(ssm.send(new PutParameterCommand(input))).rejects.toMatchObject({
    message: expect.stringContaining(name),
  });
});

test('the value of a SecureString is returned only with WithDecryption', async () => {
  await ssm.send(
    new PutParameterCommand({ Name: '/secret/key', Value: 'open sesame', Type: 'SecureString' }),
  );
  const one = async (WithDecryption?: boolean) =>
    (await ssm.send(new GetParameterCommand({ Name: '/secret/key', WithDecryption }))).Parameter?.Value;
  const several = async (WithDecryption?: boolean) =>
    (await ssm.send(new GetParametersCommand({ Names: ['/secret/key'], WithDecryption }))).Parameters;
  const below = async (WithDecryption?: boolean) =>
    (await ssm.send(new GetParametersByPathCommand({ Path: '/secret', WithDecryption }))).Parameters;
  const ciphertext = await one();
  expect(ciphertext).toMatch(/^AQICAHh/);
  for (const read of [several, below]) {
    expect(await read()).toMatchObject([{ Value: ciphertext }]);
    expect(await read(true)).toMatchObject([{ Value: 'open sesame' }]);
  }
  expect(await one(true)).toBe('open sesame');
});

test('several parameters are returned, and missing ones are named', async () => {
  await put('here', 'x');
  const output = await ssm.send(new GetParametersCommand({ Names: ['here', 'not-here'] }));
  expect(output.Parameters).toMatchObject([{ Name: 'here' }]);
  expect(output.InvalidParameters).toEqual(['not-here']);
});

test('parameters are listed by path, one level or all', async () => {
  await put('/tree/a', 'a');
  await put('/tree/b/c', 'c');
  const names = async (Recursive: boolean) => {
    const output = await ssm.send(new GetParametersByPathCommand({ Path: '/tree', Recursive }));
    return output.Parameters?.map(({ Name }) => Name);
  };
  expect(await names(false)).toEqual(['/tree/a']);
  expect(await names(true)).toEqual(['/tree/a', '/tree/b/c']);
});

test('parameters are listed by path, at most ten at a time', async () => {
  for (let index = 0; index < 13; index += 1) await put(`/many/${index}`, 'x');
  const sizes: number[] = [];
  const seen = new Set<string | undefined>();
  for await (const { Parameters = [] } of paginateGetParametersByPath({ client: ssm }, { Path: '/many' })) {
    sizes.push(Parameters.length);
    for (const { Name } of Parameters) seen.add(Name);
  }
  expect(sizes).toEqual([10, 3]);
  expect(seen.size).toBe(13);
  const tooMany = ssm.send(new GetParametersByPathCommand({ Path: '/many', MaxResults: 11 }));
  await expect(tooMany).rejects.toMatchObject({ name: 'ValidationException' });
  const relative = ssm.send(new GetParametersByPathCommand({ Path: 'many' }));
  await expect(relative).rejects.toMatchObject({ name: 'ValidationException' });
});

test('a standard parameter of more than 4 KB is refused', async () => {
  await put('/long', 'x'.repeat(4096));
  await expect(put('/longer', 'x'.repeat(4097))).rejects.toMatchObject({ name: 'ValidationException' });
});

test("AWS's public parameters name a machine image, always the same", async () => {
  const name = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64';
  const first = await get(name);
  expect(first?.Value).toMatch(/^ami-[0-9a-f]{17}$/);
  expect((await get(name))?.Value).toBe(first?.Value);
  const other = await get(name.replace('arm64', 'x86_64'));
  expect(other?.Value).not.toBe(first?.Value);
});

test('the CDK finds the version of its bootstrap', async () => {
  expect(Number((await get('/cdk-bootstrap/hnb659fds/version'))?.Value)).toBeGreaterThanOrEqual(6);
});
