import { App, CfnOutput, type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Queue } from 'aws-cdk-lib/aws-sqs';

/** A small app that is independent of Mayfly, synthesised as `cdk synth` does. */
export function synthesiseForeignApp(outdir: string, visibility: Duration): void {
  const app = new App({ outdir });
  const stack = new Stack(app, 'Foreign');
  const queue = new Queue(stack, 'Orders', { visibilityTimeout: visibility });
  const table = new Table(stack, 'Ledger', {
    partitionKey: { name: 'id', type: AttributeType.STRING },
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const clerk = new Role(stack, 'Clerk', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
  queue.grantConsumeMessages(clerk);
  table.grantReadWriteData(clerk);
  new CfnOutput(stack, 'QueueUrl', { value: queue.queueUrl });
  app.synth();
}
