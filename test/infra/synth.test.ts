import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App, NestedStack, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { CURRENTLY_RECOMMENDED_FLAGS } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { createFleetApp } from '../../infra/fleet-app.ts';
import { fetchNodeArchive, getCacheDirectory, NODE_PACKAGES } from '../../infra/instance/node-asset.ts';
import { WorkerFleet } from '../../infra/worker-fleet.ts';
import { packageRoot } from '../../lib/package-files.ts';
import { errorsOf } from '../support/aws-validation.ts';

const base = mkdtempSync(join(tmpdir(), 'mayfly-synth-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** `npx cdk synth` of the app, without AWS credentials. */
async function cdkSynth(output: string): Promise<string> {
  const { PATH } = process.env;
  const bin = join(packageRoot, 'node_modules', '.bin');
  const { all } = await execa(join(bin, 'cdk'), ['synth', '--quiet', '--output', output], {
    cwd: packageRoot,
    env: { PATH: `${bin}:${PATH}`, HOME: base, XDG_CACHE_HOME: dirname(getCacheDirectory()) },
    extendEnv: false,
    all: true,
  });
  return all;
}

describe('npx cdk synth', () => {
  const [first, second] = [join(base, 'first'), join(base, 'second')];
  let said: string;
  beforeAll(async () => {
    fetchNodeArchive(NODE_PACKAGES.x86_64);
    [said] = await Promise.all([cdkSynth(first), cdkSynth(second)]);
  }, 300_000);

  it('needs no credentials and has no finding of cdk-nag', () => {
    expect(said).not.toMatch(/error|AwsSolutions/i);
  });

  it('sets each feature flag of CDK', () => {
    expect(said).not.toMatch(/feature flag/i);
    // The recommended partitions do not include GovCloud.
    const partitions = { '@aws-cdk/core:target-partitions': ['aws', 'aws-cn', 'aws-us-gov'] };
    expect(cdkJson.context).toEqual({ ...CURRENTLY_RECOMMENDED_FLAGS, ...partitions });
  });

  it('gives the same bytes again, so that an unchanged tree shows no diff', () => {
    for (const file of ['Mayfly.template.json', 'Mayfly.assets.json', 'manifest.json']) {
      expect(readFileSync(join(second, file), 'utf8'), file).toBe(readFileSync(join(first, file), 'utf8'));
    }
  });

  it('has no account or region in the template', () => {
    const template = JSON.parse(readFileSync(join(first, 'Mayfly.template.json'), 'utf8'));
    // The CDK looks the newest runtime of each region up in a mapping.
    const { Mappings: _, ...rest } = template;
    expect(JSON.stringify(rest)).not.toMatch(/\b\d{12}\b|us-east-1|eu-/);
    expect(readFileSync(join(first, 'manifest.json'), 'utf8')).toContain(
      'aws://unknown-account/unknown-region',
    );
  });

  it("has no error in AWS's own validation", () => {
    expect(errorsOf(join(first, 'Mayfly.template.json'))).toEqual([]);
  });

  it('has outputs that say what to do next', () => {
    const { Outputs } = JSON.parse(readFileSync(join(first, 'Mayfly.template.json'), 'utf8'));
    expect(Object.keys(Outputs)).toEqual(
      expect.arrayContaining([
        'FleetQueueUrl',
        'FleetParameterName',
        'FleetSendAJob',
        'FleetFollowAJob',
        'FleetTableName',
        'FleetGroupName',
      ]),
    );
    expect(JSON.stringify(Outputs.FleetSendAJob.Value)).toContain('aws sqs send-message --queue-url ');
    expect(Outputs.FleetFollowAJob.Value).toContain('mayfly enqueue --stack Mayfly ');
  });
});

describe('an app with every feature flag that aws-cdk-lib recommends', () => {
  it('has no finding either', () => {
    const app = new App({ postCliContext: { ...CURRENTLY_RECOMMENDED_FLAGS } });
    const stack = new Stack(app, 'Test');
    new WorkerFleet(stack, 'Fleet', { systemsManagerAccess: true, spotShare: 50 });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::AutoScaling::ScalingPolicy', 1);
  });
});

describe('a fleet in a nested stack, whose name only the deployment knows', () => {
  it('is named by it', () => {
    const stack = new NestedStack(new Stack(new App(), 'Outer'), 'Inner');
    const fleet = new WorkerFleet(stack, 'Fleet');
    const name = { 'Fn::Join': ['', [{ Ref: 'AWS::StackName' }, '/Fleet']] };
    expect(stack.resolve(fleet.fleetName)).toEqual(name);
    Template.fromStack(stack).hasResourceProperties('AWS::SSM::Parameter', {
      Name: { 'Fn::Join': ['', ['/mayfly/', { Ref: 'AWS::StackName' }, '/Fleet']] },
    });
  });
});

describe("an owner's fleet", () => {
  it('may have resources that its stack has or looks up', () => {
    const own = (stack: Stack) => ({ vpc: Vpc.fromLookup(stack, 'Own', { vpcName: 'main' }) });
    const app = createFleetApp('Test', own, { account: '123456789012', region: 'eu-west-1' });
    const stack = app.node.findChild('Test') as Stack;
    expect(stack.region).toBe('eu-west-1');
    Template.fromStack(stack).resourceCountIs('AWS::EC2::VPC', 0);
  });
});

describe('the checks of the app', () => {
  it('have a finding for what nobody acknowledged', () => {
    const app = createFleetApp('Test', {});
    const stack = app.node.findChild('Test');
    new Queue(stack, 'Careless');
    expect(() => app.synth()).toThrow(/Careless.*\n.*AwsSolutions-SQS4/);
  });

  it('of AWS find a property that does not exist', () => {
    const path = join(base, 'wrong.json');
    const Queue = { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeOut: 5 } };
    writeFileSync(path, JSON.stringify({ Resources: { Queue } }));
    expect(errorsOf(path)).toContainEqual(expect.objectContaining({ ruleId: 'F3002' }));
  });
});
