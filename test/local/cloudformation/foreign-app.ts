/** A small app that has nothing to do with Mayfly: what the CDK's CLI deploys in `cdk.test.ts`. */
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Queue } from 'aws-cdk-lib/aws-sqs';

const app = new App();
const stack = new Stack(app, 'Foreign');
const queue = new Queue(stack, 'Orders', {
  visibilityTimeout: Duration.seconds(Number(process.env['VISIBILITY'] ?? 30)),
});
const table = new Table(stack, 'Ledger', {
  partitionKey: { name: 'id', type: AttributeType.STRING },
  removalPolicy: RemovalPolicy.DESTROY,
});
const clerk = new Role(stack, 'Clerk', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
queue.grantConsumeMessages(clerk);
table.grantReadWriteData(clerk);
new CfnOutput(stack, 'QueueUrl', { value: queue.queueUrl });
