import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { keeperMetric } from './metrics.ts';

/** An alarm that is on while the boot breaker is open. It notifies the topic, if there is one. */
export function createBreakerAlarm(scope: Construct, fleet: string, topic: ITopic | undefined): Alarm {
  const description =
    `Instances of ${fleet} fail to boot or do no job, so no more are launched. Mend the cause, which ` +
    'mayfly doctor names, then resume the launches (mayfly fleet resume).';
  return createKeeperAlarm(scope, 'BootBreaker', { fleet, description, topic });
}

/** An alarm that is on while a group of the fleet is stopped or a request waits for a person. It notifies the topic. */
export function createStoppedGroupsAlarm(scope: Construct, fleet: string, topic: ITopic): Alarm {
  const description = `A group of ${fleet} is stopped, or a request waits for a person. mayfly doctor names it, and says how it goes on.`;
  return createKeeperAlarm(scope, 'StoppedGroups', { fleet, description, topic });
}

interface KeeperAlarm {
  fleet: string;
  description: string;
  topic: ITopic | undefined;
}

/** An alarm on the metric of the same name: 1 or more while a person is needed. */
function createKeeperAlarm(
  scope: Construct,
  name: 'BootBreaker' | 'StoppedGroups',
  { fleet, description, topic }: KeeperAlarm,
): Alarm {
  const alarm = new Alarm(scope, name, {
    alarmDescription: description,
    metric: keeperMetric(fleet, name),
    threshold: 1,
    evaluationPeriods: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    // The keeper writes no data while nobody is needed.
    treatMissingData: TreatMissingData.IGNORE,
  });
  if (topic) {
    alarm.addAlarmAction(new SnsAction(topic));
    alarm.addOkAction(new SnsAction(topic));
  }
  return alarm;
}
