import { Stack, Validations } from 'aws-cdk-lib';
import {
  InstanceProfile,
  ManagedPolicy,
  Policy,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type { IParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import {
  ASSET_KEY_ACKNOWLEDGEMENT,
  allowDecryptAssets,
  createVaultPolicy,
  formatObjectArn,
  formatResolved,
} from '../access/permissions.ts';

interface BuilderOptions {
  assets: Asset[];
  componentArn: string;
  log: LogGroup;
  setupVaultPassword: IParameter | undefined;
}

/**
 * Permissions of the instance that the image is built on. Image Builder controls it through Systems Manager. The other
 * permissions are those of the AWS managed policy `EC2InstanceProfileForImageBuilder`, scoped to this component and this log, and
 * the read access that the set-up needs.
 */
export function createBuilderProfile(scope: Construct, options: BuilderOptions) {
  const { assets, componentArn, log, setupVaultPassword } = options;
  const role = new Role(scope, 'BuilderRole', {
    assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    description: 'Image Builder: sets up and tests the image of the workers',
  });
  attach(
    role,
    'AmazonSSMManagedInstanceCore',
    'Image Builder works through the agent that needs what is in it',
  );
  const programs = `arn:${Stack.of(scope).partition}:s3:::ec2imagebuilder*`;
  const policy = new Policy(scope, 'BuilderPolicy', {
    roles: [role],
    statements: [
      allow([componentArn], 'imagebuilder:GetComponent'),
      allow([programs, ...assets.map(formatObjectArn)], 's3:GetObject'),
      allowDecryptAssets(assets),
      allow([log.logGroupArn], 'logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'),
    ],
  });
  acknowledgeWildcards(policy, programs);
  const rights = [policy];
  if (setupVaultPassword)
    rights.push(createVaultPolicy(scope, 'BuilderVaultPolicy', role, setupVaultPassword));
  return { profile: new InstanceProfile(scope, 'BuilderProfile', { role }), rights };
}

/** The role that deletes the AMI and snapshots of a deleted image ("AWS::ImageBuilder::Image DeletionSettings"). */
export function createRemoverRole(scope: Construct): Role {
  const role = new Role(scope, 'RemoverRole', {
    // Not for images of another account ("The confused deputy problem").
    assumedBy: new ServicePrincipal('imagebuilder.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
    description: 'Image Builder: deletes images of the workers that are no longer used',
  });
  attach(
    role,
    'service-role/EC2ImageBuilderLifecycleExecutionPolicy',
    'it is made for this and reaches only what Image Builder itself has made',
  );
  return role;
}

const allow = (resources: string[], ...actions: string[]): PolicyStatement =>
  new PolicyStatement({ actions, resources });

function attach(role: Role, name: string, why: string): void {
  role.addManagedPolicy(ManagedPolicy.fromAwsManagedPolicyName(name));
  Validations.of(role).acknowledge({
    id: `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${name}]`,
    reason: `${why}; AWS keeps it in step with the service, which a copy here would not be.`,
  });
}

function acknowledgeWildcards(policy: Policy, programs: string): void {
  Validations.of(policy).acknowledge(ASSET_KEY_ACKNOWLEDGEMENT, {
    id: `AwsSolutions-IAM5[Resource::${formatResolved(Stack.of(policy).resolve(programs))}]`,
    reason: "Image Builder's own program, from buckets of AWS that are named after regions.",
  });
}
