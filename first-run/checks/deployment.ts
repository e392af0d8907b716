import { GetParameterCommand, ParameterNotFound } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, type GetCallerIdentityResponse, STSClient } from '@aws-sdk/client-sts';
import { assertThat, type Check } from '../check.ts';
import type { FirstRun } from '../run.ts';

const BOOTSTRAP = '/cdk-bootstrap/hnb659fds/version';
/** The modern bootstrap of the CDK, with roles that publish assets ("Bootstrap template versions"). */
const OLDEST_BOOTSTRAP = 6;

export const bootstrap: Check = {
  title: 'The account, the region and the bootstrap',
  commands: [
    'aws sts get-caller-identity',
    `aws ssm get-parameter --name ${BOOTSTRAP} --query Parameter.Value`,
  ],
  expected: `Your account, and a version of at least ${OLDEST_BOOTSTRAP}. If there is none, run npx cdk bootstrap first.`,
  async run({ clients, region }) {
    const { Account, Arn } = await callerIdentity(region);
    const version = await bootstrapVersion(clients.ssm);
    const advice = 'run npx cdk bootstrap';
    assertThat(version !== undefined, `the region is not bootstrapped: ${advice}`);
    assertThat(Number(version) >= OLDEST_BOOTSTRAP, `the bootstrap has version ${version}: ${advice}`);
    return `account ${Account}, region ${region}, as ${Arn}, bootstrap version ${version}`;
  },
};

async function callerIdentity(region: string): Promise<GetCallerIdentityResponse> {
  const sts = new STSClient({ region });
  try {
    return await sts.send(new GetCallerIdentityCommand({}));
  } finally {
    sts.destroy();
  }
}

async function bootstrapVersion(ssm: FirstRun['clients']['ssm']): Promise<string | undefined> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: BOOTSTRAP }));
    return Parameter?.Value;
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw error;
  }
}

export const deployment: Check = {
  title: 'The deployment',
  commands: ["npx cdk deploy --app 'node first-run/app.ts' --outputs-file outputs.json"],
  expected: 'CREATE_COMPLETE, and an Auto Scaling group from 0 to 2 instances that has none.',
  async run(run) {
    await run.deploy(2);
    const stack = await run.findStack();
    assertThat(stack?.StackStatus === 'CREATE_COMPLETE', `the stack is ${stack?.StackStatus ?? 'not there'}`);
    const { capacity, instances } = await (await run.fleet()).describe();
    const has = `minimum ${capacity.min}, maximum ${capacity.max}, desired ${capacity.desired}`;
    assertThat(capacity.min === 0 && capacity.max === 2 && capacity.desired === 0, `the group has ${has}`);
    assertThat(instances.length === 0, `there are ${instances.length} instances already`);
    return `CREATE_COMPLETE; ${has}`;
  },
};

/** The keeper runs for the first time within two minutes, and new IAM permissions take a while to reach all services. */
const UNTIL_WELL_SECONDS = 300;

export const doctor: Check = {
  title: 'The doctor',
  commands: ['npx mayfly doctor'],
  expected: 'All is well, once the keeper has run for the first time: within two minutes.',
  async run(run) {
    const fleet = await run.fleet();
    let wrong: string[] = [];
    const diagnose = async () => {
      const { findings } = await fleet.diagnose();
      wrong = findings.flatMap(({ check, status, text }) => (status === 'ok' ? [] : [`${check}: ${text}`]));
      return wrong.length === 0 && findings.length;
    };
    const found = await run.waitUntil('all is well', UNTIL_WELL_SECONDS, diagnose).catch((error: unknown) => {
      throw new Error(wrong.length > 0 ? wrong.join('; ') : String(error), { cause: error });
    });
    return `all is well: ${found} findings`;
  },
};
