import {
  GetRandomPasswordCommand,
  type GetRandomPasswordCommandInput,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../../support/cloud.ts';

let cloud: TestCloud;
let client: SecretsManagerClient;

beforeAll(async () => {
  cloud = await startTestCloud();
  client = new SecretsManagerClient(cloud.client);
});
afterAll(async () => {
  client.destroy();
  await cloud.close();
});

const draw = async (input: GetRandomPasswordCommandInput = {}) =>
  (await client.send(new GetRandomPasswordCommand(input))).RandomPassword ?? '';

const TYPES = { lowercase: /[a-z]/, uppercase: /[A-Z]/, numbers: /[0-9]/, punctuation: /[!-/:-@[-`{-~]/ };

test('a password has 32 characters of every type but the space, and is not drawn twice', async () => {
  const drawn = await Promise.all(Array.from({ length: 20 }, () => draw()));
  expect(new Set(drawn).size).toBe(20);
  for (const password of drawn) {
    expect(password).toHaveLength(32);
    expect(password).not.toContain(' ');
    for (const type of Object.values(TYPES)) expect(password).toMatch(type);
  }
});

test.each([
  [{ ExcludeLowercase: true }, TYPES.lowercase],
  [{ ExcludeUppercase: true }, TYPES.uppercase],
  [{ ExcludeNumbers: true }, TYPES.numbers],
  [{ ExcludePunctuation: true }, TYPES.punctuation],
  [{ ExcludeCharacters: 'aA0"@/\\' }, /[aA0"@/\\]/],
])('%j leaves these characters out', async (input, left) => {
  expect(await draw({ ...input, PasswordLength: 4096 })).not.toMatch(left);
});

test('a short password has each type too, at any place', async () => {
  const drawn = await Promise.all(
    Array.from({ length: 60 }, () => draw({ PasswordLength: 5, IncludeSpace: true })),
  );
  for (const password of drawn) {
    expect(password).toHaveLength(5);
    for (const type of [...Object.values(TYPES), / /]) expect(password).toMatch(type);
  }
  const places = new Set(drawn.map((password) => password.indexOf(' ')));
  expect(places.size).toBe(5);
});

test('RequireEachIncludedType false asks for no type', async () => {
  expect(await draw({ PasswordLength: 1, RequireEachIncludedType: false })).toHaveLength(1);
});

test.each([
  [{ PasswordLength: 3 }, 'A password of 3 characters cannot have 4 types'],
  [
    { ExcludeLowercase: true, ExcludeUppercase: true, ExcludeNumbers: true, ExcludePunctuation: true },
    'at least one type of character',
  ],
])('%j is refused', async (input, message) => {
  await expect(draw(input)).rejects.toMatchObject({
    name: 'InvalidParameterException',
    message: expect.stringContaining(message),
  });
});
