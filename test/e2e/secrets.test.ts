import { createHash, randomUUID } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { Duration, type Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { execa } from 'execa';
import { afterEach, expect, it } from 'vitest';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { WorkerSecret } from '../../infra/props/secrets.ts';
import type { Cloud } from '../../local/cloud.ts';
import { type DeployedFleet, deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';

const startFleet = deployedFleets();
const LONG_MS = 300_000;
/** A minute of AWS's own periods takes three seconds. */
const SPEED = 20;

const TOKEN = 'tok-hunter2';
const PASSWORD = 'pw-swordfish';
const SSH_KEY = 'key-opensesame\n';

let fleet: DeployedFleet;
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.log(await fleet.failureDetails());
});

async function createSecret({ call }: Cloud, Name: string, SecretString: string): Promise<void> {
  await call('secretsmanager', 'CreateSecret', { Name, SecretString, ClientRequestToken: randomUUID() });
}

async function prepare(cloud: Cloud): Promise<void> {
  await cloud.call('ssm', 'PutParameter', { Name: '/shop/token', Type: 'SecureString', Value: TOKEN });
  await createSecret(cloud, 'shop/db', JSON.stringify({ username: 'shop', password: PASSWORD }));
  await createSecret(cloud, 'shop/ssh', SSH_KEY);
}

function withSecrets(stack: Stack): WorkerFleetProps {
  const byName = (id: string, name: string) => Secret.fromSecretNameV2(stack, id, name);
  // Of the stack itself, under a key of its own.
  const encryptionKey = new Key(stack, 'Key');
  const own = new Secret(stack, 'Generated', { encryptionKey }) as ISecret;
  return {
    secrets: {
      TOKEN: StringParameter.fromSecureStringParameterAttributes(stack, 'Token', {
        parameterName: '/shop/token',
      }),
      PASSWORD: WorkerSecret.fromSecretsManager(byName('Database', 'shop/db'), { field: 'password' }),
      SSH_KEY: WorkerSecret.fromSecretsManager(byName('Ssh', 'shop/ssh'), { file: true }),
      GENERATED: own,
    },
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

it(
  'workers get the secrets that are deployed with the fleet, and nothing else has a value',
  async () => {
    fleet = await startFleet({}, { prepare, makeProps: withSecrets });
    const hashes =
      'printf %s "$TOKEN" | sha256sum; printf %s "$PASSWORD" | sha256sum; sha256sum <"$SSH_KEY"; printf %s "$GENERATED" | wc -c';
    const [job = ''] = await fleet.send({ shell: hashes });
    await fleet.event('end', job);
    await fleet.backToZero(60_000);
    const { stdout } = await fleet.mayfly('logs', job);
    expect(stdout.match(/^\w+/gm)?.slice(0, 4)).toEqual([
      sha256(TOKEN),
      sha256(PASSWORD),
      sha256(SSH_KEY),
      '32',
    ]);

    const { Items } = await fleet.clients.dynamodb.send(new ScanCommand({ TableName: fleet.stack.table }));
    const values = [TOKEN, PASSWORD, SSH_KEY.trim()];
    const patterns = values.flatMap((value) => ['-e', value]);
    // Templates, user-data, files of instances and jobs, logs and the calls to the cloud.
    const search = (...words: string[]) =>
      execa('grep', ['-rlaF', ...words, fleet.directory], { reject: false }).then(({ stdout }) => stdout);
    expect(await search('-e', '/shop/token')).not.toBe('');
    expect(await search(...patterns)).toBe('');
    for (const value of values) expect(JSON.stringify(Items)).not.toContain(value);
  },
  LONG_MS,
);

it(
  'launches about three instances, and no more, when a secret is missing; doctor names it; then all jobs run',
  async () => {
    const makeProps = (stack: Stack): WorkerFleetProps => ({
      secrets: { PASSWORD: Secret.fromSecretNameV2(stack, 'Database', 'shop/late') },
    });
    fleet = await startFleet({ refusalTimeout: Duration.seconds(2) }, { speed: SPEED, makeProps });
    const jobs = await fleet.send(...Array.from({ length: 4 }, () => ({ shell: '[ "$PASSWORD" = late ]' })));
    const view = await eventually(
      'the fleet to launch no more instances, and to have none',
      async () => {
        const now = await fleet.library.describe({ retired: 20 });
        const { launches, capacity, instances } = now;
        return launches.reason === 'breaker' && capacity.desired + instances.length === 0 && now;
      },
      240_000,
    );
    expect(view.retired.length).toBeGreaterThanOrEqual(3);
    expect(view.retired.length).toBeLessThanOrEqual(6);
    const why = /^PASSWORD \(arn:aws:secretsmanager:\S+:secret:shop\/late\): AccessDeniedException: /;
    for (const { reason, problem, jobsDone } of view.retired) {
      expect({ reason, problem, jobsDone }).toEqual({
        reason: 'cannot-read-secrets',
        problem: expect.stringMatching(why),
        jobsDone: 0,
      });
    }
    const { findings } = await fleet.library.diagnose();
    const launches = findings.find(({ check }) => check === 'launches');
    expect(launches?.status).toBe('bad');
    expect(launches?.text).toMatch(/^The last instances could not read the workers' secrets: PASSWORD \(arn/);
    expect(launches?.advice).toMatch(/^There is no such secret, or a permission is missing/);
    expect((await fleet.mayfly('fleet')).stdout).toContain("could not read the workers' secrets: PASSWORD");
    const handedBack = (await fleet.library.status(jobs)).filter(({ reason }) => reason !== undefined);
    expect(handedBack.length).toBeGreaterThan(0);
    for (const { state, attempts, reason } of handedBack) {
      expect({ state, attempts }).toEqual({ state: 'queued', attempts: 0 });
      expect(reason).toMatch(/its secrets could not be read: PASSWORD \(arn.*AccessDeniedException/);
    }

    await createSecret(fleet.cloud, 'shop/late', 'late');
    await fleet.library.resume();
    for (const job of jobs) await fleet.event('end', job);
    await fleet.backToZero(60_000);
    expect((await fleet.judge()).counts).toMatchObject({ succeeded: 4 });
  },
  LONG_MS,
);
