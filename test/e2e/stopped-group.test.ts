import type { AlarmHistoryItem, MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { expect, it } from 'vitest';
import { requestJobId } from '../../jobs/released.ts';
import { type DeployedFleet, deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';

const open = deployedFleets();
const LONG_MS = 300_000;
const GROUP = 'shop/web';
const REQUEST = 'deploy-1';

it(
  'a target that stays unhealthy notifies the topic of the owner, and again when a person has looked',
  async () => {
    const fleet = await open(
      // Exit status 65: the target never becomes healthy.
      { commands: { http: ['sh', '-c', 'exit 65'] } },
      {
        makeProps: (stack) => ({ alarmTopic: new Topic(stack, 'Operators') }),
        timeoutMs: 120_000,
      },
    );
    const { library } = fleet;
    const alarm = await stoppedGroupsAlarm(fleet);
    const topic = alarm.AlarmActions?.[0];
    expect(topic).toMatch(/^arn:aws:sns:.*Operators/);
    expect(alarm.OKActions).toEqual([topic]);
    expect(await notifications(fleet, alarm)).toEqual([]);

    const targets = [{ target: 's1', body: '{}', index: 1 }];
    await library.request([{ name: GROUP, size: 1, targets }], { id: REQUEST, healthy: 'http' });
    const begun = `Alarm updated from INSUFFICIENT_DATA to ALARM, ${topic}`;
    expect(await firstNotifications(fleet, alarm, 1)).toEqual([begun]);
    const { findings } = await library.diagnose();
    expect(findings.filter(({ check }) => check === 'job groups')).toMatchObject([
      { status: 'bad', text: expect.stringContaining(`Group ${GROUP} is stopped`) },
      { status: 'warn', text: expect.stringContaining(`Request ${REQUEST} is stopped`) },
    ]);

    // The lane was the last of the request, which has ended then.
    const freed = await fleet.mayfly('group', 'free', requestJobId(REQUEST, GROUP, 1));
    expect(freed).toMatchObject({ exitCode: 0 });
    const ended = `Alarm updated from ALARM to OK, ${topic}`;
    expect(await firstNotifications(fleet, alarm, 2)).toEqual([begun, ended]);
  },
  2 * LONG_MS,
);

async function stoppedGroupsAlarm({ cloud }: DeployedFleet): Promise<MetricAlarm> {
  const { MetricAlarms } = await cloud.call('monitoring', 'DescribeAlarms', {});
  const found = (MetricAlarms as MetricAlarm[]).find(({ MetricName }) => MetricName === 'StoppedGroups');
  if (!found) throw new Error('the stack has no alarm on StoppedGroups');
  return found;
}

/** Waits until the alarm has sent so many. */
function firstNotifications(fleet: DeployedFleet, alarm: MetricAlarm, count: number): Promise<string[]> {
  return eventually(
    `notification ${count} of the alarm`,
    async () => {
      const sent = await notifications(fleet, alarm);
      return sent.length >= count && sent;
    },
    LONG_MS,
  );
}

/**
 * What the alarm has sent so far, the oldest first: the change of its state, and where to. The embedded cloud has no SNS: it
 * records the action that AWS would carry out.
 */
async function notifications({ cloud }: DeployedFleet, { AlarmName }: MetricAlarm): Promise<string[]> {
  const { AlarmHistoryItems } = await cloud.call('monitoring', 'DescribeAlarmHistory', { AlarmName });
  const items = (AlarmHistoryItems as AlarmHistoryItem[]).toReversed();
  const sent: string[] = [];
  let change = '';
  for (const { HistoryItemType, HistorySummary = '' } of items) {
    if (HistoryItemType === 'StateUpdate') change = HistorySummary;
    const [, arn] = /^Action (arn:\S+) is not carried out here/.exec(HistorySummary) ?? [];
    if (arn !== undefined) sent.push(`${change}, ${arn}`);
  }
  return sent;
}
