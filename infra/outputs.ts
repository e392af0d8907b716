import { Aws, CfnCondition, CfnOutput, Fn, Stack, Token } from 'aws-cdk-lib';
import type { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import type { Construct } from 'constructs';
import type { FleetResources } from './fleet-resources.ts';

/** The outputs that `cdk deploy` prints: the resources of the fleet, and what to do next. */
export function addOutputs(fleet: FleetResources & { readonly parameter: StringParameter }): void {
  const stack = Stack.of(fleet);
  const groupName = fleet.autoScalingGroup.autoScalingGroupName;
  const outputs: Record<string, [value: string, description: string]> = {
    QueueUrl: [fleet.queue.queueUrl, 'Send jobs here: any text is one'],
    ParameterName: [fleet.parameter.parameterName, 'What commands have to know of the fleet'],
    SendAJob: [
      `aws sqs send-message --queue-url ${fleet.queue.queueUrl} --message-body 42`,
      'Sends a job; an instance starts within a minute or two',
    ],
    FollowAJob: [
      `npx mayfly enqueue --stack ${stack.stackName} --poll 5 42`,
      'Sends a job and follows it to its end; `mayfly help` shows what else there is',
    ],
    DeadLetterQueueUrl: [fleet.deadLetterQueue.queueUrl, 'Jobs that failed for good'],
    TableName: [fleet.table.tableName, 'Records of jobs and instances'],
    LogBucketName: [fleet.logBucket.bucketName, 'Logs of jobs, and of instances that broke'],
    GroupName: [groupName, 'The Auto Scaling group'],
    ScalingPolicyArn: [fleet.scalingPolicyArn, 'Execute it to start instances without waiting for the alarm'],
    WatchInstances: [
      `https://${consoleDomain(fleet)}/ec2/home?region=${stack.region}#AutoScalingGroupDetails:id=${groupName};view=activity`,
      'The instances that come and go',
    ],
    ResumeLaunches: [
      `aws autoscaling resume-processes --auto-scaling-group-name ${groupName} --scaling-processes Launch`,
      'After the alarm of the boot breaker, when its cause is mended: launches again',
    ],
  };
  for (const [name, [value, description]] of Object.entries(outputs)) {
    const output = new CfnOutput(fleet, name, { value, description });
    output.overrideLogicalId(`${outputPrefix(fleet)}${name}`);
  }
}

/** The fleet's path in its stack, without the hash of generated ids, so that the names are easy to type. */
function outputPrefix(fleet: FleetResources): string {
  const scopes = fleet.node.scopes;
  const ids = scopes.slice(scopes.indexOf(Stack.of(fleet)) + 1).map((scope) => scope.node.id);
  return ids.join('').replaceAll(/[^A-Za-z0-9]/g, '');
}

const CONSOLE = 'console.aws.amazon.com';
/** "Endpoints and ARNs for AWS in China", "AWS GovCloud (US) User Guide". */
const CONSOLES = { 'aws-cn': 'console.amazonaws.cn', 'aws-us-gov': 'console.amazonaws-us-gov.com' };

/** Domain of the AWS console in the stack's partition. If synth does not know the region, the deployment selects it. */
function consoleDomain(scope: Construct): string {
  const { region } = Stack.of(scope);
  if (!Token.isUnresolved(region)) {
    const { partition = 'aws' } = RegionInfo.get(region);
    return new Map(Object.entries(CONSOLES)).get(partition) ?? CONSOLE;
  }
  const inPartition = (id: string, partition: string) =>
    new CfnCondition(scope, id, { expression: Fn.conditionEquals(Aws.PARTITION, partition) }).logicalId;
  const inGovCloud = inPartition('ConsoleInGovCloud', 'aws-us-gov');
  const others = Fn.conditionIf(inGovCloud, CONSOLES['aws-us-gov'], CONSOLE);
  return Fn.conditionIf(inPartition('ConsoleInChina', 'aws-cn'), CONSOLES['aws-cn'], others).toString();
}
