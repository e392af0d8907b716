import { describe, expect, test } from 'vitest';
import type { AlarmSettings } from '../../../client/doctor/alarm-settings.ts';
import type { CheckInput, DeployedPolicy, HookSettings } from '../../../client/doctor/check-input.ts';
import { runChecks } from '../../../client/doctor/diagnose.ts';
import type { Check, Finding } from '../../../client/doctor/finding.ts';
import { AccessDeniedError, StoreGoneError } from '../../../client/errors.ts';
import {
  backlogAlarm,
  bootBreakerAlarm,
  fleet,
  group,
  healthy,
  launchHook,
  member,
  policy,
  terminationHook,
} from '../../support/healthy-facts.ts';

interface Case {
  name: string;
  facts: Partial<CheckInput>;
  check: Check;
  status: Finding['status'];
  text: string | RegExp;
  advice: string | RegExp;
}

const inGroup = (changes: object): Partial<CheckInput> => ({ group: { value: { ...group, ...changes } } });
const withPolicy = (changes: Partial<DeployedPolicy>): Partial<CheckInput> => ({
  policies: { value: new Map([['grow', { ...policy, ...changes }]]) },
});
const withHooks = (launch: object | undefined, termination: object | undefined): Partial<CheckInput> => ({
  hooks: {
    value: new Map<string, HookSettings>([
      ...(launch ? [['launch', { ...launchHook, ...launch }] as const] : []),
      ...(termination ? [['termination', { ...terminationHook, ...termination }] as const] : []),
    ]),
  },
});
const withAlarms = (
  backlog: Partial<AlarmSettings> | undefined,
  boots: Partial<AlarmSettings> | 'gone' = {},
): Partial<CheckInput> => ({
  alarms: {
    value: new Map([
      ...(backlog ? [['backlog', { ...backlogAlarm, ...backlog }] as const] : []),
      ...(boots !== 'gone' ? [['boots', { ...bootBreakerAlarm, ...boots }] as const] : []),
    ]),
  },
});
const IN_GROUP = '--auto-scaling-group-name group';
const ALARM =
  'aws cloudwatch put-metric-alarm --alarm-name backlog --namespace AWS/SQS ' +
  '--metric-name ApproximateNumberOfMessagesVisible --dimensions Name=QueueName,Value=queue --statistic Maximum ' +
  '--period 60 --evaluation-periods 1 --threshold 1 --comparison-operator GreaterThanOrEqualToThreshold ' +
  `--treat-missing-data notBreaching --alarm-actions ${policy.arn}`;

const cases: Case[] = [
  {
    name: 'the scaling policy was deleted',
    facts: { policies: { value: new Map() } },
    check: 'scaling policy',
    status: 'bad',
    text: 'The scaling policy grow is gone: neither the alarm nor the keeper can launch an instance.',
    advice:
      /^aws autoscaling put-scaling-policy --auto-scaling-group-name group --policy-name grow --policy-type StepScaling --adjustment-type ChangeInCapacity --metric-aggregation-type Maximum --estimated-instance-warmup 300 --step-adjustments MetricIntervalLowerBound=0,MetricIntervalUpperBound=1,ScalingAdjustment=1 .* MetricIntervalLowerBound=9,ScalingAdjustment=10 --region us-east-1$/,
  },
  {
    name: 'the scaling policy was disabled',
    facts: withPolicy({ enabled: false }),
    check: 'scaling policy',
    status: 'bad',
    text: 'grow is disabled',
    advice: /^aws autoscaling put-scaling-policy /,
  },
  {
    name: 'the scaling policy was changed',
    facts: withPolicy({ warmUpSeconds: 60, steps: [{ lower: 0, change: 1 }] }),
    check: 'scaling policy',
    status: 'warn',
    text: 'grow was changed by hand: its warm-up is 60 s, not 300 s; its steps differ.',
    advice: /^aws autoscaling put-scaling-policy /,
  },
  {
    name: 'the launch hook was deleted',
    facts: withHooks(undefined, {}),
    check: 'hooks',
    status: 'bad',
    text: 'The launch hook launch is gone: an instance is in service before its agent runs.',
    advice: `aws autoscaling put-lifecycle-hook ${IN_GROUP} --lifecycle-hook-name launch --lifecycle-transition autoscaling:EC2_INSTANCE_LAUNCHING --heartbeat-timeout 1200 --default-result CONTINUE --region us-east-1`,
  },
  {
    name: 'the termination hook was deleted',
    facts: withHooks({}, undefined),
    check: 'hooks',
    status: 'bad',
    text: 'The termination hook termination is gone: Auto Scaling terminates instances before their jobs have ended.',
    advice: `aws autoscaling put-lifecycle-hook ${IN_GROUP} --lifecycle-hook-name termination --lifecycle-transition autoscaling:EC2_INSTANCE_TERMINATING --heartbeat-timeout 300 --default-result CONTINUE --region us-east-1`,
  },
  {
    name: 'a hook was changed',
    facts: withHooks({ heartbeatSeconds: 60, defaultResult: 'ABANDON' }, {}),
    check: 'hooks',
    status: 'warn',
    text: 'launch was changed by hand: its time-out is 60 s, not 1200 s; its default result is ABANDON, not CONTINUE.',
    advice: /put-lifecycle-hook .* --heartbeat-timeout 1200 /,
  },
  {
    name: 'the maximum was lowered',
    facts: inGroup({ maxSize: 1 }),
    check: 'group',
    status: 'warn',
    text: 'Its maximum size was set to 1 by hand; the stack says 10: jobs wait for longer.',
    advice: `aws autoscaling update-auto-scaling-group ${IN_GROUP} --max-size 10 --region us-east-1`,
  },
  {
    name: 'the maximum was raised',
    facts: inGroup({ maxSize: 20 }),
    check: 'group',
    status: 'warn',
    text: 'set to 20 by hand; the stack says 10: more instances can run',
    advice: /--max-size 10 /,
  },
  {
    name: 'the minimum was raised',
    facts: inGroup({ minSize: 2 }),
    check: 'group',
    status: 'warn',
    text: 'Its minimum size was set to 2 by hand; the stack says 0',
    advice: `aws autoscaling update-auto-scaling-group ${IN_GROUP} --min-size 0 --region us-east-1`,
  },
  {
    name: 'scale-in protection is off for new instances',
    facts: inGroup({ protectsNewInstances: false }),
    check: 'group',
    status: 'bad',
    text: 'New instances are not protected from scale-in',
    advice: `aws autoscaling update-auto-scaling-group ${IN_GROUP} --new-instances-protected-from-scale-in --region us-east-1`,
  },
  {
    name: 'scale-in protection is off for instances in service',
    facts: inGroup({
      members: [
        { ...member, protected: false },
        { ...member, instance: 'i-2', protected: false },
        { ...member, instance: 'i-3', lifecycleState: 'Pending:Wait', protected: false },
        { ...member, instance: 'i-4' },
      ],
    }),
    check: 'group',
    status: 'bad',
    text: /^2 instances are not protected from scale-in/,
    advice: `aws autoscaling set-instance-protection ${IN_GROUP} --instance-ids i-1 i-2 --protected-from-scale-in --region us-east-1`,
  },
  {
    name: 'the backlog alarm was deleted',
    facts: withAlarms(undefined),
    check: 'alarms',
    status: 'bad',
    text: 'The alarm backlog is gone',
    advice: `${ALARM} --region us-east-1`,
  },
  {
    name: 'the backlog alarm executes an earlier policy, beside what its owner added',
    facts: withAlarms({
      description: "it's mine",
      actions: ['arn:old:policyName/grow', 'arn:topic'],
      okActions: ['arn:ok'],
    }),
    check: 'alarms',
    status: 'bad',
    text: 'The alarm backlog does not execute the scaling policy',
    advice: new RegExp(
      `--alarm-description 'it'\\\\''s mine' .*--alarm-actions ${policy.arn} arn:topic --ok-actions arn:ok --region us-east-1$`,
    ),
  },
  {
    name: 'the backlog alarm watches something else',
    facts: withAlarms({ threshold: 5, dimensions: { QueueName: 'other' } }),
    check: 'alarms',
    status: 'warn',
    text: 'The alarm backlog was changed by hand: its dimension is QueueName=other, not QueueName=queue; its threshold is 5, not 1.',
    advice: `${ALARM} --region us-east-1`,
  },
  {
    name: 'the boot breaker’s alarm was deleted',
    facts: withAlarms({}, 'gone'),
    check: 'alarms',
    status: 'warn',
    text: 'The alarm boots is gone: nobody is notified when the fleet stops launching instances.',
    advice:
      /^aws cloudwatch put-metric-alarm --alarm-name boots --namespace Mayfly --metric-name BootBreaker /,
  },
  {
    name: 'the boot breaker’s alarm does not notify its topic any more',
    facts: { fleet: { ...fleet, alarmTopic: 'arn:topic' } },
    check: 'alarms',
    status: 'warn',
    text: 'The alarm boots does not notify its topic',
    advice: /--alarm-actions arn:topic --ok-actions arn:topic --region us-east-1$/,
  },
];

const found = (facts: Partial<CheckInput>) =>
  runChecks({ ...healthy, ...facts }).findings.filter(({ status }) => status !== 'ok');

describe('names each difference from what was deployed, and the command that repairs it', () => {
  test.each(cases)('$name', ({ facts, check, status, text, advice }) => {
    const findings = found(facts);
    expect(findings).toMatchObject([{ check, status }]);
    expect(findings[0]?.text).toMatch(text);
    if (typeof advice === 'string') expect(findings[0]?.advice).toBe(advice);
    else expect(findings[0]?.advice).toMatch(advice);
  });
});

test('lowers the minimum before a maximum that is below it', () => {
  const advised = found(inGroup({ minSize: 12, maxSize: 12 })).map(({ advice }) => advice);
  expect(advised).toEqual([
    expect.stringContaining('--min-size 0'),
    expect.stringContaining('--max-size 10'),
  ]);
});

test('does not report the alarm of a policy that is gone', () => {
  const gone = { policies: { value: new Map() } };
  expect(found(gone).map(({ check }) => check)).toEqual(['scaling policy']);
  expect(found({ ...gone, ...withAlarms(undefined) })).toMatchObject([
    { check: 'scaling policy' },
    { check: 'alarms', advice: expect.stringContaining('Create the scaling policy again first') },
  ]);
});

describe('does not check settings that are not known', () => {
  const { scaleOut: _, terminationHook: _hook, minCapacity: _min, ...earlier } = fleet;
  const withoutStateIndex: Partial<CheckInput> = {
    table: {
      value: {
        ...{ status: 'ACTIVE', indexStatus: undefined, olderIndexStatus: 'ACTIVE' },
        expiresBy: { value: 'expires' },
      },
    },
  };

  test('of a fleet that an earlier version deployed', () => {
    const facts = {
      fleet: earlier,
      ...inGroup({ minSize: 1 }),
      ...withPolicy({ warmUpSeconds: 60 }),
      ...withHooks({}, undefined),
      ...withAlarms({ threshold: 5 }, { statistic: 'Maximum' }),
      ...withoutStateIndex,
    };
    expect(found(facts)).toEqual([]);
  });

  test('warns about a table without the new index if it is not known which version deployed the fleet', () => {
    const { keeperFunction: _keeper, ...named } = earlier;
    const alarms = withAlarms({}, { statistic: 'Maximum' });
    expect(found({ fleet: named, ...withoutStateIndex, ...alarms })).toMatchObject([
      {
        check: 'table',
        status: 'warn',
        advice: expect.stringContaining('deploy the stack with this version'),
      },
    ]);
  });

  test('but names what is gone, and how to get the command', () => {
    const alarms = withAlarms({}, { statistic: 'Maximum' });
    expect(found({ fleet: earlier, policies: { value: new Map() }, ...alarms })).toMatchObject([
      { check: 'scaling policy', status: 'bad', advice: expect.stringContaining('with this version') },
    ]);
  });

  test('says what may not be read', () => {
    const denied = { error: new AccessDeniedError('Not you.') };
    expect(found({ policies: denied, hooks: denied })).toMatchObject([
      { check: 'scaling policy', status: 'warn', text: 'Could not be read. Not you.' },
      { check: 'hooks', status: 'warn', text: 'Could not be read. Not you.' },
    ]);
  });

  test('reports a group that is gone once', () => {
    const gone = { error: new StoreGoneError('The group is gone.') };
    const checks = found({ group: gone, policies: gone, hooks: gone }).map(({ check }) => check);
    expect(checks.filter((check) => check === 'scaling policy' || check === 'hooks')).toEqual([]);
    expect(checks).toContain('group');
  });
});
