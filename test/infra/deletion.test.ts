import { RemovalPolicy } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { onlyResource, type Resource, resourcesOf, synthTemplate } from '../support/synthesised.ts';

const template = synthTemplate({ removalPolicy: RemovalPolicy.DESTROY });
const resources = template.toJSON()['Resources'] as Record<string, Resource>;

/** The resources that a resource names in DependsOn, Ref, GetAtt and Sub. CloudFormation deletes them after it. */
function namedBy(id: string): string[] {
  const resource = resources[id];
  const text = JSON.stringify(resource?.Properties ?? {});
  const references = [...text.matchAll(/"(?:Ref":|Fn::GetAtt":\[)"(\w+)"/g)].map(([, name = '']) => name);
  return [...(resource?.DependsOn ?? []), ...references].filter((name) => name in resources);
}

function outlasting(id: string, known = new Set<string>()): Set<string> {
  for (const name of namedBy(id)) {
    if (known.has(name)) continue;
    known.add(name);
    outlasting(name, known);
  }
  return known;
}

describe('when the stack is deleted while instances are busy', () => {
  const { id: group } = onlyResource(template, 'AWS::AutoScaling::AutoScalingGroup');
  const later = outlasting(group);
  const idsOf = (type: string, pattern = /./) =>
    Object.keys(resourcesOf(template, type)).filter((id) => pattern.test(id));

  it.each<[string, string, RegExp?]>([
    ["the agents' role", 'AWS::IAM::Role', /AgentRole/],
    ["the agents' rights", 'AWS::IAM::Policy', /Agent(Tree)?Policy/],
    ['the instance profile', 'AWS::IAM::InstanceProfile'],
    ['the queues, to hand jobs back', 'AWS::SQS::Queue'],
    ['the queues policies', 'AWS::SQS::QueuePolicy'],
    ['the table, to record why', 'AWS::DynamoDB::Table'],
    ['the log bucket', 'AWS::S3::Bucket'],
    ['the emptying of the log bucket', 'Custom::S3AutoDeleteObjects'],
    ['the default route', 'AWS::EC2::Route'],
    ['the gateway', 'AWS::EC2::VPCGatewayAttachment'],
    ['the route tables in force', 'AWS::EC2::SubnetRouteTableAssociation'],
    ['the security group', 'AWS::EC2::SecurityGroup'],
  ])('the group is deleted before %s', (_, type, pattern) => {
    const ids = idsOf(type, pattern);
    expect(ids.length).toBeGreaterThan(0);
    expect(ids.filter((id) => !later.has(id))).toEqual([]);
  });

  it('the hooks are deleted with the group, so that instances which wait in them are not interrupted', () => {
    const hooks = Object.values(resourcesOf(template, 'AWS::AutoScaling::LifecycleHook'));
    expect(hooks.map(({ DeletionPolicy }) => DeletionPolicy)).toEqual(['Retain', 'Retain']);
  });

  it('the keeper, its schedule and the alarm are deleted before the group, so that nothing adds capacity', () => {
    const earlier = [
      'AWS::Lambda::Function',
      'AWS::Scheduler::Schedule',
      'AWS::CloudWatch::Alarm',
      'AWS::AutoScaling::ScalingPolicy',
    ];
    const backlog = earlier.flatMap((type) => idsOf(type, /^(?!.*(BootBreaker|CustomS3AutoDelete))/));
    expect(backlog.filter((id) => !outlasting(id).has(group))).toEqual([]);
  });
});
