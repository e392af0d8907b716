import type { Template } from 'aws-cdk-lib/assertions';
import { type Resource, statementsOf } from './synthesised.ts';

/** The properties that a template has to have for the place of its deployment. */
export interface Expected {
  /** `aws`, `aws-cn`, `aws-us-gov`; undefined if the deployment decides. */
  partition: string | undefined;
  /** Whether the fleet creates its VPC. */
  ownVpc: boolean;
  /** Names of instance types; empty if the region decides. */
  types: string[];
  /** Whether the deletion of the stack deletes its stores. */
  destroys: boolean;
}

const CONSOLES: Record<string, string> = {
  aws: 'https://console.aws.amazon.com/',
  'aws-cn': 'https://console.amazonaws.cn/',
  'aws-us-gov': 'https://console.amazonaws-us-gov.com/',
};

/** What is wrong with a template for that place; empty if nothing is. */
export function findTemplateFaults(template: Template, expected: Expected): string[] {
  const all = template.toJSON() as { Outputs: object; Resources: Record<string, Resource> };
  const resources = Object.values(all.Resources);
  const ofType = (type: string) => resources.filter(({ Type }) => Type === type);
  const text = JSON.stringify({ ...all.Outputs, ...all.Resources });
  return [
    ...placeFaults(text, expected),
    ...(expected.ownVpc ? networkFaults(ofType) : []),
    ...decryptFaults(template),
    ...typeFaults(ofType, expected),
    ...storeFaults(ofType, expected),
  ];
}

type OfType = (type: string) => Resource[];

/** Names of a partition, an account or a host that are different in another place. */
function placeFaults(text: string, { partition }: Expected): string[] {
  const link = /"Value":\{"Fn::Join":\["",\[("https:.*?)view=activity/.exec(text)?.[1] ?? text;
  return [
    ...(partition !== 'aws' && /arn:aws:/.test(text) ? ['an ARN of the partition aws'] : []),
    ...(partition === undefined && /\b\d{12}\b/.test(text) ? ['an account'] : []),
    ...(partition === 'aws-cn' && /https:\/\/[\w.-]*amazonaws\.com["/]/.test(text)
      ? ['a host outside of China']
      : []),
    ...(partition && !link.includes(CONSOLES[partition] ?? '?') ? ['the console of another partition'] : []),
  ];
}

/** The network must not change when `env` is set later. */
function networkFaults(ofType: OfType): string[] {
  const zones = ofType('AWS::EC2::Subnet').map(({ Properties }) => Properties['AvailabilityZone']);
  const expected = [0, 1].map((index) => ({ 'Fn::Select': [index, { 'Fn::GetAZs': '' }] }));
  return JSON.stringify(zones) === JSON.stringify(expected) ? [] : ['zones that depend on env'];
}

/** The bucket of the assets may be encrypted with a key of the owner. */
function decryptFaults(template: Template): string[] {
  const roles = ['AgentRole', 'BakedImageBuilderRole'].filter(
    (role) => statementsOf(template, role).length > 0,
  );
  return roles.flatMap((role) => {
    const decrypts = statementsOf(template, role).some(
      ({ Action, Resource, Condition }) =>
        Action === 'kms:Decrypt' && Resource === '*' && /aws:s3:arn/.test(JSON.stringify(Condition)),
    );
    return decrypts ? [] : [`no right of ${role} to have its assets decrypted`];
  });
}

function typeFaults(ofType: OfType, { types }: Expected): string[] {
  const [group] = ofType('AWS::AutoScaling::AutoScalingGroup');
  const { LaunchTemplate } = Object(group?.Properties['MixedInstancesPolicy']);
  const overrides = (LaunchTemplate?.Overrides ?? []) as {
    InstanceType?: string;
    InstanceRequirements?: object;
  }[];
  const named = overrides.flatMap(({ InstanceType = [] }) => InstanceType);
  const filters = overrides.some(({ InstanceRequirements }) => InstanceRequirements);
  const asExpected = JSON.stringify(named) === JSON.stringify(types) && filters === (types.length === 0);
  return asExpected ? [] : ['types that a region may lack, or not those of the owner'];
}

/** Stores are deleted with their content, or kept. A failed first deployment deletes them in either case. */
function storeFaults(ofType: OfType, { destroys }: Expected): string[] {
  const stores = ['AWS::SQS::Queue', 'AWS::DynamoDB::Table', 'AWS::S3::Bucket'].flatMap(ofType);
  const policy = destroys ? 'Delete' : 'RetainExceptOnCreate';
  const empties = ofType('Custom::S3AutoDeleteObjects').length > 0;
  return [
    ...(stores.every(({ DeletionPolicy }) => DeletionPolicy === policy) ? [] : ['stores with another end']),
    ...(destroys && !empties ? ['a log bucket that is not emptied before it is destroyed'] : []),
    ...(empties && !destroys ? ['a log bucket that is emptied though it is kept'] : []),
  ];
}
