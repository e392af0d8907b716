import { integer, optionalStructure, optionalText, structures, text, texts } from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input } from '../../front-door/service.ts';
import type { QueueActivity } from '../sqs/activity.ts';
import type { MetricName } from './metrics.ts';

export type Report = (metric: MetricName, value: number) => void;

/** Metric by queue attribute ("Available CloudWatch metrics for Amazon SQS"). */
const QUEUE_METRICS = {
  ApproximateNumberOfMessages: 'ApproximateNumberOfMessagesVisible',
  ApproximateNumberOfMessagesNotVisible: 'ApproximateNumberOfMessagesNotVisible',
  ApproximateNumberOfMessagesDelayed: 'ApproximateNumberOfMessagesDelayed',
};

/** Collects the metrics that services report once a minute: SQS's of its queues, Auto Scaling's of its groups. */
export async function collect(
  context: CloudContext,
  queueActivity: QueueActivity,
  report: Report,
): Promise<void> {
  await Promise.all([collectQueues(context, queueActivity, report), collectGroups(context, report)]);
}

async function collectQueues({ call }: CloudContext, activity: QueueActivity, report: Report): Promise<void> {
  for (const QueueUrl of await everyQueue(call)) {
    const attributes = await attributesOf(call, QueueUrl);
    if (!attributes) continue;
    const QueueName = QueueUrl.split('/').at(-1) ?? QueueUrl;
    const counts = Object.entries(QUEUE_METRICS).map(
      ([attribute, name]) => [name, integer(attributes, attribute)] as const,
    );
    if (
      !activity.reports(
        QueueName,
        counts.some(([, count]) => count > 0),
      )
    )
      continue;
    for (const [name, count] of counts) {
      report({ namespace: 'AWS/SQS', name, dimensions: { QueueName } }, count);
    }
  }
}

/** Undefined for a queue that was deleted in the meantime. */
async function attributesOf(call: CloudContext['call'], QueueUrl: string): Promise<Input | undefined> {
  const AttributeNames = Object.keys(QUEUE_METRICS);
  try {
    const answer = await call('sqs', 'GetQueueAttributes', { QueueUrl, AttributeNames });
    return optionalStructure(answer, 'Attributes');
  } catch (error) {
    if (error instanceof AwsError && /NonExistentQueue|QueueDoesNotExist/.test(error.code)) return undefined;
    throw error;
  }
}

async function everyQueue(call: CloudContext['call']): Promise<string[]> {
  const urls: string[] = [];
  let NextToken: string | undefined;
  do {
    const answer = await call('sqs', 'ListQueues', { MaxResults: 1000, NextToken });
    urls.push(...texts(answer, 'QueueUrls'));
    NextToken = optionalText(answer, 'NextToken');
  } while (NextToken !== undefined);
  return urls;
}

/** "Amazon CloudWatch metrics for Amazon EC2 Auto Scaling", of groups that have metrics collection enabled. */
async function collectGroups({ call }: CloudContext, report: Report): Promise<void> {
  const answer = await call('autoscaling', 'DescribeAutoScalingGroups', { MaxRecords: 100 });
  for (const group of structures(answer, 'AutoScalingGroups')) {
    const dimensions = { AutoScalingGroupName: text(group, 'AutoScalingGroupName') };
    const values = groupValues(group);
    for (const metric of structures(group, 'EnabledMetrics')) {
      const name = text(metric, 'Metric');
      const value = values[name];
      if (value !== undefined) report({ namespace: 'AWS/AutoScaling', name, dimensions }, value);
    }
  }
}

function groupValues(group: Input): Record<string, number> {
  const states = structures(group, 'Instances').map((one) => text(one, 'LifecycleState'));
  const count = (prefix: string) => states.filter((state) => state.startsWith(prefix)).length;
  return {
    GroupMinSize: integer(group, 'MinSize'),
    GroupMaxSize: integer(group, 'MaxSize'),
    GroupDesiredCapacity: integer(group, 'DesiredCapacity'),
    GroupInServiceInstances: count('InService'),
    GroupPendingInstances: count('Pending'),
    GroupStandbyInstances: 0,
    GroupTerminatingInstances: count('Terminating'),
    GroupTotalInstances: states.length,
  };
}
