import type { PolicyStatement } from '../../front-door/policy.ts';

/**
 * The AWS managed policies that the CDK attaches ("AWS managed policies reference"), with the part that has an effect
 * here. Others may be attached, but grant nothing.
 */
const DOCUMENTS: Record<string, PolicyStatement[]> = {
  AdministratorAccess: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  // Attached to the roles of `cdk bootstrap`.
  AWSCloudFormationReadOnlyAccess: [
    {
      Effect: 'Allow',
      Action: [
        'cloudformation:Describe*',
        'cloudformation:EstimateTemplateCost',
        'cloudformation:Get*',
        'cloudformation:List*',
        'cloudformation:ValidateTemplate',
        'cloudformation:Detect*',
      ],
      Resource: '*',
    },
  ],
  ReadOnlyAccess: [
    {
      Effect: 'Allow',
      Action: [
        ...['autoscaling:Describe*', 'autoscaling:GetPredictiveScalingForecast'],
        ...['cloudformation:Describe*', 'cloudformation:Get*', 'cloudformation:List*'],
        ...['cloudwatch:Describe*', 'cloudwatch:Get*', 'cloudwatch:List*'],
        ...['dynamodb:BatchGet*', 'dynamodb:Describe*', 'dynamodb:Get*', 'dynamodb:List*'],
        ...['dynamodb:Query', 'dynamodb:Scan'],
        ...['ec2:Describe*', 'ec2:Get*', 'iam:Get*', 'iam:List*', 'kms:Describe*', 'kms:Get*', 'kms:List*'],
        ...['lambda:Get*', 'lambda:List*', 's3:Get*', 's3:List*', 'scheduler:Get*', 'scheduler:List*'],
        ...['sqs:Get*', 'sqs:List*', 'sqs:Receive*', 'ssm:Describe*', 'ssm:Get*', 'ssm:List*'],
      ],
      Resource: '*',
    },
  ],
  'service-role/AWSLambdaBasicExecutionRole': [
    {
      Effect: 'Allow',
      Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: '*',
    },
  ],
  AmazonSSMManagedInstanceCore: [
    {
      Effect: 'Allow',
      Action: [
        'ssm:DescribeAssociation',
        'ssm:GetDeployablePatchSnapshotForInstance',
        'ssm:GetDocument',
        'ssm:DescribeDocument',
        'ssm:GetManifest',
        'ssm:GetParameter',
        'ssm:GetParameters',
        'ssm:ListAssociations',
        'ssm:ListInstanceAssociations',
        'ssm:PutInventory',
        'ssm:PutComplianceItems',
        'ssm:PutConfigurePackageResult',
        'ssm:UpdateAssociationStatus',
        'ssm:UpdateInstanceAssociationStatus',
        'ssm:UpdateInstanceInformation',
        'ssmmessages:*',
        'ec2messages:*',
      ],
      Resource: '*',
    },
  ],
};

/** The document of an AWS managed policy as JSON; undefined for an unknown one. */
export function findAwsManagedPolicy(arn: string): string | undefined {
  const name = arn.replace('arn:aws:iam::aws:policy/', '');
  const statements = Object.hasOwn(DOCUMENTS, name) ? DOCUMENTS[name] : undefined;
  return statements && JSON.stringify({ Version: '2012-10-17', Statement: statements });
}
