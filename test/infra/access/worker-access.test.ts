import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { type IRole, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { describe, expect, it } from 'vitest';
import { FleetPropsError } from '../../../infra/props/errors.ts';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import { onlyResource, type Resource, resourcesOf, synthFleet, toText } from '../../support/synthesised.ts';

const FOREIGN = 'arn:aws:iam::123456789012:role/theirs';

/** A fleet whose workers have a role of the owner in the same stack. */
function withOwnersRole(): { stack: Stack; fleet: WorkerFleet; role: Role } {
  const stack = new Stack(new App(), 'Test');
  const role = new Role(stack, 'Theirs', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  return { stack, role, fleet: new WorkerFleet(stack, 'Fleet', { workerAwsAccess: role }) };
}

function withRole(of: (stack: Stack) => IRole): { stack: Stack; fleet: WorkerFleet } {
  const stack = new Stack(new App(), 'Test');
  return { stack, fleet: new WorkerFleet(stack, 'Fleet', { workerAwsAccess: of(stack) }) };
}

function roleNamed(stack: Stack, name: RegExp): Resource {
  const found = rolesNamed(stack, name)[0];
  if (!found) throw new Error(`no role ${name}`);
  return found;
}

function rolesNamed(stack: Stack, name: RegExp): Resource[] {
  const roles = Object.entries(resourcesOf(Template.fromStack(stack), 'AWS::IAM::Role'));
  return roles.filter(([id]) => name.test(id)).map(([, role]) => role);
}

/** The principals that may assume a role; references without the hash of their logical id. */
function trusted(role: Resource): string[] {
  const { Statement } = role.Properties['AssumeRolePolicyDocument'] as { Statement: TrustStatement[] };
  return Statement.map(({ Action, Principal, Condition }) => {
    const who = Object.entries(Principal).map(([kind, one]) => `${kind} ${toText(one)}`);
    const when = Condition ? ` when ${JSON.stringify(Condition)}` : '';
    return `${Action} by ${who}${when}`.replaceAll(/[0-9A-F]{8}(?=[.>])/g, '');
  });
}

interface TrustStatement {
  Action: string;
  Principal: Record<string, unknown>;
  Condition?: unknown;
}

/** The role in agent.json, as in the template. */
function toldToAgents(stack: Stack): string | undefined {
  const { resource } = onlyResource(Template.fromStack(stack), 'AWS::EC2::LaunchTemplate');
  const { UserData } = resource.Properties['LaunchTemplateData'] as { UserData: unknown };
  return /workerRole\W+(.*?)trackJobs/.exec(JSON.stringify(UserData))?.[1];
}

describe('by default', () => {
  const { stack, fleet } = synthFleet();

  it('workers have a role of their own, for this fleet alone, that may do nothing', () => {
    const role = roleNamed(stack, /^FleetWorkerRole/);
    expect(trusted(role)).toEqual(['sts:AssumeRole by AWS <FleetAgentRole.Arn>']);
    expect(role.Properties).not.toHaveProperty('ManagedPolicyArns');
    expect(role.Properties).not.toHaveProperty('Policies');
    const policies = Object.values(resourcesOf(Template.fromStack(stack), 'AWS::IAM::Policy'));
    const itsOwn = policies.filter(({ Properties }) =>
      JSON.stringify(Properties['Roles']).includes('WorkerRole'),
    );
    expect(itsOwn).toEqual([]);
    expect(fleet.grantPrincipal).toBe(fleet.workerRole);
  });

  it("the role is not on the instances' profile", () => {
    const { resource } = onlyResource(Template.fromStack(stack), 'AWS::IAM::InstanceProfile');
    expect((resource.Properties['Roles'] as unknown[]).map(toText).join()).toMatch(/^<FleetAgentRole\w+>$/);
  });

  it('the agents know its ARN', () => {
    expect(toldToAgents(stack)).toMatch(/Fn::GetAtt":\["FleetWorkerRole\w+","Arn"\]/);
  });
});

describe("with a role of the owner's", () => {
  it('of the same stack the role trusts the instances in addition', () => {
    const { stack, fleet, role } = withOwnersRole();
    expect(trusted(roleNamed(stack, /^Theirs/))).toEqual([
      'sts:AssumeRole by Service lambda.amazonaws.com',
      'sts:AssumeRole by AWS <FleetAgentRole.Arn>',
    ]);
    expect(rolesNamed(stack, /^FleetWorkerRole/)).toEqual([]);
    expect(fleet.workerRole).toBe(role);
    expect(toldToAgents(stack)).toMatch(/Fn::GetAtt":\["Theirs\w+","Arn"\]/);
  });

  it('grants to the fleet go to that role', () => {
    const { stack, fleet } = withOwnersRole();
    new Queue(stack, 'Other').grantSendMessages(fleet);
    Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
      Roles: [{ Ref: Match.stringLikeRegexp('^Theirs') }],
      PolicyDocument: Match.objectLike({
        Statement: [Match.objectLike({ Action: Match.arrayWith(['sqs:SendMessage']) })],
      }),
    });
  });

  it.each<[string, RegExp, (stack: Stack) => IRole]>([
    ['named by its ARN', /:role\/theirs/, (stack) => Role.fromRoleArn(stack, 'Theirs', FOREIGN)],
    [
      'of another stack',
      /:role\/theirs|Other:ExportsOutput/,
      (stack) =>
        new Role(new Stack(stack.node.root as App, 'Other'), 'Theirs', {
          roleName: 'theirs',
          assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
        }),
    ],
  ])('%s the instances may assume it, and its trust policy does not change', (_, name, of) => {
    const { stack } = withRole(of);
    const assume = Object.values(resourcesOf(Template.fromStack(stack), 'AWS::IAM::Policy')).filter(
      ({ Properties }) => JSON.stringify(Properties).includes('sts:AssumeRole'),
    );
    expect(assume).toHaveLength(1);
    expect(JSON.stringify(assume)).toMatch(name);
    expect(toldToAgents(stack)).toMatch(name);
  });
});

describe('with none', () => {
  const none: WorkerFleetProps = { workerAwsAccess: 'none' };

  it('there is no role and no permission to assume one, and the agents know of none', () => {
    const { stack, fleet } = synthFleet(none);
    expect(fleet.workerRole).toBeUndefined();
    expect(rolesNamed(stack, /WorkerRole/)).toEqual([]);
    expect(JSON.stringify(resourcesOf(Template.fromStack(stack), 'AWS::IAM::Policy'))).not.toContain('sts:');
    expect(toldToAgents(stack)).toBeUndefined();
  });

  it('a grant is refused with the name of the prop', () => {
    const { stack, fleet } = synthFleet(none);
    const queue = new Queue(stack, 'Other');
    const grant = () => queue.grantSendMessages(fleet);
    expect(grant).toThrow(FleetPropsError);
    expect(grant).toThrow(
      'WorkerFleet Test/Fleet: workerAwsAccess is "none"; allowed: "role" or an IRole, where something is granted',
    );
  });
});
