import { App, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import type { WarmPoolProps } from '../../../infra/props/warm-pool.ts';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import { onlyResource, resourcesOf, synthTemplate } from '../../support/synthesised.ts';

const poolOf = (warmPool: WarmPoolProps) =>
  onlyResource(synthTemplate({ warmPool }), 'AWS::AutoScaling::WarmPool').resource;

describe('a warm pool', () => {
  it('does not exist by default', () => {
    synthTemplate().resourceCountIs('AWS::AutoScaling::WarmPool', 0);
    expect(JSON.stringify(synthTemplate().toJSON())).not.toContain('DescribeWarmPool');
  });

  it('keeps one stopped instance, however many work, and none that has worked', () => {
    expect(poolOf({}).Properties).toEqual({
      AutoScalingGroupName: { Ref: expect.stringMatching(/^FleetGroupASG/) },
      MinSize: 1,
      MaxGroupPreparedCapacity: 1,
      PoolState: 'Stopped',
      InstanceReusePolicy: { ReuseOnScaleIn: false },
    });
  });

  it('has the size and state of the props', () => {
    const given = { minSize: 2, maxGroupPreparedCapacity: 6, poolState: 'running' } as const;
    expect(poolOf(given).Properties).toMatchObject({
      MinSize: 2,
      MaxGroupPreparedCapacity: 6,
      PoolState: 'Running',
    });
  });

  it('is created after the hooks, which apply to instances that enter it', () => {
    const hooks = Object.keys(
      resourcesOf(synthTemplate({ warmPool: {} }), 'AWS::AutoScaling::LifecycleHook'),
    );
    expect(hooks).toHaveLength(2);
    expect(poolOf({}).DependsOn).toEqual(expect.arrayContaining(hooks));
  });

  it('is known to the keeper, which may describe it', () => {
    const template = synthTemplate({ warmPool: {} });
    expect(JSON.stringify(resourcesOf(template, 'AWS::IAM::Policy'))).toContain(
      'autoscaling:DescribeWarmPool',
    );
    expect(JSON.stringify(resourcesOf(template, 'AWS::Lambda::Function'))).toContain('\\"warmPool\\":true');
  });

  it('has no finding of cdk-nag', () => {
    const app = new App();
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    new WorkerFleet(new Stack(app, 'Test'), 'Fleet', { warmPool: { minSize: 2 } });
    expect(() => app.synth()).not.toThrow();
  });
});
