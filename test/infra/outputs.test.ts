import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { describe, expect, it } from 'vitest';
import { WorkerFleet } from '../../infra/worker-fleet.ts';

function templateIn(region?: string): Record<'Conditions' | 'Outputs', Record<string, { Value?: unknown }>> {
  const app = new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } });
  const stack = new Stack(app, 'Test', region ? { env: { account: '123456789012', region } } : {});
  new WorkerFleet(stack, 'Fleet');
  return Template.fromStack(stack).toJSON() as ReturnType<typeof templateIn>;
}

describe('the link to the console', () => {
  it.each([
    ['eu-west-1', 'https://console.aws.amazon.com/ec2/home?region=eu-west-1#'],
    ['cn-north-1', 'https://console.amazonaws.cn/ec2/home?region=cn-north-1#'],
    ['us-gov-west-1', 'https://console.amazonaws-us-gov.com/ec2/home?region=us-gov-west-1#'],
  ])('has the domain of the partition of %s', (region, link) => {
    expect(JSON.stringify(templateIn(region).Outputs['FleetWatchInstances'])).toContain(link);
  });

  it('is selected by the deployment if synth does not know the region', () => {
    const { Conditions, Outputs } = templateIn();
    const [china = '', govCloud = ''] = ['FleetConsoleInChina', 'FleetConsoleInGovCloud'].map((prefix) =>
      Object.keys(Conditions).find((id) => id.startsWith(prefix)),
    );
    expect(Conditions[china]).toEqual({ 'Fn::Equals': [{ Ref: 'AWS::Partition' }, 'aws-cn'] });
    expect(Conditions[govCloud]).toEqual({ 'Fn::Equals': [{ Ref: 'AWS::Partition' }, 'aws-us-gov'] });
    expect(JSON.stringify(Outputs['FleetWatchInstances'])).toContain(
      JSON.stringify({
        'Fn::If': [
          china,
          'console.amazonaws.cn',
          { 'Fn::If': [govCloud, 'console.amazonaws-us-gov.com', 'console.aws.amazon.com'] },
        ],
      }),
    );
  });
});
