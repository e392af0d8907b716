import { describe, expect, test } from 'vitest';
import type { CheckInput, TableState } from '../../../client/doctor/check-input.ts';
import { runChecks } from '../../../client/doctor/diagnose.ts';
import type { Check, Finding } from '../../../client/doctor/finding.ts';
import { adviseOnRefusedLaunch } from '../../../client/doctor/launch-refusals.ts';
import { AccessDeniedError, StoreGoneError } from '../../../client/errors.ts';
import { adviseOnRefusal } from '../../../client/instances/refusal-text.ts';
import type { Forecast, InstanceRecord, Retirement } from '../../../jobs/record.ts';
import {
  ago,
  busy,
  deadLetters,
  fleet,
  group,
  healthy,
  job,
  member,
  queue,
  record,
  textAgo,
  timeAgo,
} from '../../support/healthy-facts.ts';

interface Case {
  name: string;
  facts: Partial<CheckInput>;
  check: Check;
  status: Finding['status'];
  /** In the text, the details or the advice. */
  says: (string | RegExp)[];
}

const suspended = (name: string, said = 'User suspended at 03:00') => ({
  value: { ...group, suspended: new Map([[name, said]]) },
});
const failure = (minutes: number, message: string): CheckInput['activities'] => ({
  value: { launches: [], terminations: [], refused: { atMs: ago(minutes), message, times: 1 } },
});
const alarms = (changes: object): CheckInput['alarms'] => {
  const { value = new Map() } = healthy.alarms;
  return { value: new Map([...value].map(([name, alarm]) => [name, { ...alarm, ...changes }])) };
};
const table: TableState = {
  status: 'ACTIVE',
  indexStatus: 'ACTIVE',
  olderIndexStatus: 'ACTIVE',
  expiresBy: { value: 'expires' },
};
const working: Forecast = { running: 0, slots: 1, jobsDone: 4, next: 'work', lastStartMs: ago(2) };
const slowed: Forecast = {
  ...working,
  slowed: { since: timeAgo(5), failures: 4, reason: 'exit status 1' },
};
const retirement: Retirement = {
  reason: 'boot-failed',
  decidedAt: timeAgo(90),
  endedAt: timeAgo(90),
  idleSeconds: 0,
  jobsDone: 0,
  rung: 'terminate',
  tries: 3,
  lastError: 'AccessDenied: not you',
};
const unhealthy: InstanceRecord = {
  ...record,
  instance: 'i-0',
  listing: 'retired',
  retirement: { ...retirement, reason: 'unhealthy', problem: 'no GPU', endedAt: timeAgo(7) },
};
const gaveUp = (how: object, more: Partial<InstanceRecord> = {}): Partial<CheckInput> => ({
  boots: {
    value: [
      {
        ...{ instance: 'i-0', launchedAtMs: ago(30) },
        record: {
          ...{ ...record, instance: 'i-0', listing: 'retired' as const },
          retirement: { ...retirement, endedAt: timeAgo(7), ...how },
          ...more,
        },
      },
    ],
  },
});
const worked: InstanceRecord = { ...record, forecast: working };
const nobody = { value: { ...group, desired: 0, members: [] } };

const refusedBoot = {
  instance: 'i-7',
  launchedAtMs: ago(30),
  record: {
    ...record,
    readyAt: undefined as never,
    retirement: {
      ...{
        reason: 'cannot-receive' as const,
        problem: 'KmsDisabled: the key is disabled',
        refusal: 'lasting' as const,
      },
      ...{ decidedAt: timeAgo(21), endedAt: timeAgo(21), idleSeconds: 0, jobsDone: 0, tries: 1 },
      rung: 'terminate' as const,
    },
  },
};

const cases: Case[] = [
  {
    name: 'a visibility timeout that is not the lease',
    facts: { queue: { value: { ...queue, visibilitySeconds: 30 } } },
    check: 'queue',
    status: 'warn',
    says: ['30 s', '60 s', 'VisibilityTimeout=60'],
  },
  {
    name: 'a queue that keeps messages for a shorter time',
    facts: { queue: { value: { ...queue, retentionSeconds: 345_600 } } },
    check: 'queue',
    status: 'warn',
    says: ['4 d', '14 d', 'MessageRetentionPeriod=1209600'],
  },
  {
    name: 'a queue that delays',
    facts: { queue: { value: { ...queue, delaySeconds: 90 } } },
    check: 'queue',
    status: 'warn',
    says: ['90 s', 'DelaySeconds=0'],
  },
  {
    name: 'a queue with a low maxReceiveCount',
    facts: { queue: { value: { ...queue, redrive: { arn: 'arn:dead', maxReceives: 3 } } } },
    check: 'queue',
    status: 'warn',
    says: ['after 3 receives', String.raw`"maxReceiveCount\":1000`],
  },
  {
    name: 'a queue whose dead letters go elsewhere',
    facts: { queue: { value: { ...queue, redrive: { arn: 'arn:other', maxReceives: 1000 } } } },
    check: 'queue',
    status: 'warn',
    says: ['arn:other'],
  },
  {
    name: 'a queue without a dead-letter queue',
    facts: { queue: { value: (({ redrive: _, ...rest }) => rest)(queue) } },
    check: 'queue',
    status: 'warn',
    says: ['no dead-letter queue'],
  },
  {
    name: 'a queue that is gone',
    facts: { queue: { error: new StoreGoneError('The queue is gone.') } },
    check: 'queue',
    status: 'bad',
    says: ['The queue is gone.'],
  },
  {
    name: 'a queue that may not be read',
    facts: { queue: { error: new AccessDeniedError('Not you.') } },
    check: 'queue',
    status: 'warn',
    says: ['Could not be read. Not you.'],
  },
  {
    name: 'dead letters, and why one is there',
    facts: {
      deadLetters: {
        value: { ...deadLetters, visible: 2, sample: { id: 'j-9', reason: 'exit 65', deadAt: timeAgo(5) } },
      },
    },
    check: 'dead letters',
    status: 'warn',
    says: ['2 dead letters', `j-9, ${textAgo(5)}: exit 65`, 'mayfly dlq list'],
  },
  {
    name: 'dead letters that are kept for a shorter time than jobs',
    facts: { deadLetters: { value: { ...deadLetters, retentionSeconds: 86_400 } } },
    check: 'dead letters',
    status: 'warn',
    says: ['1 d', '14 d', 'https://dead', 'MessageRetentionPeriod=1209600'],
  },
  {
    name: 'a table that is being created',
    facts: {
      table: {
        value: {
          status: 'CREATING',
          indexStatus: undefined,
          olderIndexStatus: undefined,
          expiresBy: { value: undefined },
        },
      },
    },
    check: 'table',
    status: 'bad',
    says: ['CREATING'],
  },
  {
    name: 'a table without its index',
    facts: { table: { value: { ...table, indexStatus: undefined } } },
    check: 'table',
    status: 'bad',
    says: ['no index byState', '"listed" (String), sort key "listedAt" (String)'],
  },
  {
    name: 'a table without the index of earlier versions',
    facts: { table: { value: { ...table, olderIndexStatus: undefined } } },
    check: 'table',
    status: 'warn',
    says: ['no index byListing', 'instances of an earlier version'],
  },
  {
    name: 'an index that is being created',
    facts: { table: { value: { ...table, status: 'UPDATING', indexStatus: 'CREATING' } } },
    check: 'table',
    status: 'warn',
    says: ['CREATING'],
  },
  {
    name: 'a table without TTL',
    facts: { table: { value: { ...table, expiresBy: { value: undefined } } } },
    check: 'table',
    status: 'warn',
    says: ['update-time-to-live --table-name jobs'],
  },
  {
    name: 'a table without its index, whose TTL may not be read',
    facts: {
      table: {
        value: { ...table, indexStatus: undefined, expiresBy: { error: new AccessDeniedError('Not you.') } },
      },
    },
    check: 'table',
    status: 'bad',
    says: ['no index byState'],
  },
  {
    name: 'a bucket that is gone',
    facts: { logBucket: { error: new StoreGoneError('The bucket is gone.') } },
    check: 'log bucket',
    status: 'bad',
    says: ['The bucket is gone.'],
  },
  {
    name: 'a group that may have no instance',
    facts: { group: { value: { ...group, maxSize: 0 } } },
    check: 'group',
    status: 'bad',
    says: ['maximum size is 0', '--max-size 10'],
  },
  {
    name: 'a process that ends instances is suspended',
    facts: { group: suspended('Terminate') },
    check: 'group',
    status: 'warn',
    says: ['Terminate', '03:00', 'resume-processes --auto-scaling-group-name group'],
  },
  {
    name: 'a paused fleet',
    facts: { group: suspended('Launch'), state: { value: { keptAtMs: ago(1), pausedAtMs: ago(20) } } },
    check: 'launches',
    status: 'warn',
    says: ['paused', textAgo(20), 'mayfly fleet resume'],
  },
  {
    name: 'an open breaker: failed boots, reasons and logs',
    facts: {
      group: suspended('Launch'),
      state: { value: { keptAtMs: ago(1), trippedAtMs: ago(20) } },
      boots: {
        value: [
          {
            instance: 'i-7',
            launchedAtMs: ago(30),
            record: { ...record, readyAt: undefined as never, retirement },
            savedLog: { reason: 'boot-failed', key: 'instances/i-7/t-boot-failed.log' },
          },
          { instance: 'i-8', launchedAtMs: ago(40), record: undefined },
        ],
      },
    },
    check: 'launches',
    status: 'bad',
    says: [
      textAgo(20),
      'i-7',
      'boot-failed (AccessDenied: not you)',
      /i-7, .*\. Its log: s3:\/\/logs\/instances\/i-7\/t-boot-failed\.log$/m,
      /i-8, .*not known\. It saved no log\.$/m,
    ],
  },
  {
    name: 'an open breaker: the call that AWS denied the last instances',
    facts: {
      group: suspended('Launch'),
      state: { value: { keptAtMs: ago(1), trippedAtMs: ago(20) } },
      boots: { value: [{ instance: 'i-9', launchedAtMs: ago(5), record: undefined }, refusedBoot] },
    },
    check: 'launches',
    status: 'bad',
    says: [
      `The last instances could not receive jobs: KmsDisabled: the key is disabled; no instance is launched since ${textAgo(20)}.`,
      'Check that the key is enabled',
      'mayfly fleet resume',
      'cannot-receive (KmsDisabled: the key is disabled)',
    ],
  },
  {
    name: 'an open breaker: the call that AWS denied instances that could not write to the table',
    facts: {
      group: suspended('Launch'),
      state: { value: { keptAtMs: ago(1), trippedAtMs: ago(20) } },
      boots: {
        value: [
          {
            instance: 'i-9',
            launchedAtMs: ago(30),
            record: undefined,
            savedLog: { reason: 'cannot-use-table', refusal: 'lasting', key: 'instances/i-9/t.log' },
          },
        ],
      },
    },
    check: 'launches',
    status: 'bad',
    says: [
      'The last instances could not use the table: the error is in the saved log',
      'mayfly fleet resume',
      /i-9.*why it terminated: cannot-use-table\. Its log: s3:\/\/logs\/instances\/i-9\/t\.log/,
    ],
  },
  {
    name: 'an open breaker: instances that booted and started no job',
    facts: {
      group: suspended('Launch'),
      state: { value: { keptAtMs: ago(1), trippedAtMs: ago(20), stalledSinceMs: ago(50) } },
      boots: {
        value: [
          { instance: 'i-9', launchedAtMs: ago(5), record: undefined },
          {
            instance: 'i-7',
            launchedAtMs: ago(30),
            record: { ...record, retirement: { ...retirement, reason: 'idle' } },
          },
        ],
      },
    },
    check: 'launches',
    status: 'bad',
    says: [
      `Jobs wait, and no instance has started one since ${textAgo(50)}, though the last ones were ready; no instance is launched since ${textAgo(20)}.`,
      'mayfly fleet resume',
      /i-7, .*It saved no log/,
    ],
  },
  {
    name: 'launches that are suspended while the table is gone',
    facts: { group: suspended('Launch'), state: { error: new StoreGoneError('The table is gone.') } },
    check: 'launches',
    status: 'bad',
    says: [
      'Launch is suspended',
      'why is not known without the table',
      'Repair the table. Then: mayfly fleet resume',
    ],
  },
  {
    name: 'an instance that may not use the table',
    facts: {
      instances: {
        value: [
          {
            ...busy,
            jobs: [],
            record: {
              ...record,
              forecast: {
                ...{ running: 0, slots: 1, jobsDone: 0, next: 'stay' as const },
                refused: { what: 'claim', error: 'AccessDeniedException: no', since: timeAgo(3) },
              },
            },
          },
        ],
      },
    },
    check: 'instances',
    status: 'bad',
    says: [
      `i-1 has not been able to claim jobs in the table since ${textAgo(3)}: AccessDeniedException: no`,
      'A permission is missing',
    ],
  },
  {
    name: 'an instance that may not read a secret of its workers',
    facts: {
      instances: {
        value: [
          {
            ...busy,
            jobs: [],
            record: {
              ...record,
              forecast: {
                ...{ running: 0, slots: 1, jobsDone: 0, next: 'stay' as const },
                refused: {
                  what: 'secrets',
                  error: 'DB (arn:db): AccessDeniedException: not you',
                  since: timeAgo(3),
                },
              },
            },
          },
        ],
      },
    },
    check: 'instances',
    status: 'bad',
    says: [
      `i-1 has not been able to read the workers' secrets since ${textAgo(3)}: DB (arn:db): AccessDeniedException: not you`,
      "check the secret, its policy, the policies of the workers' role",
    ],
  },
  {
    name: 'the last instance that terminated, whose workers had a secret that was deleted',
    facts: gaveUp({
      reason: 'cannot-read-secrets',
      refusal: 'lasting',
      problem: 'DB (/db): ParameterNotFound: Parameter /db not found.',
    }),
    check: 'instances',
    status: 'bad',
    says: [
      "i-0, the last one that terminated, could not read the workers' secrets: DB (/db): ParameterNotFound",
      'Restore or create the secret',
    ],
  },
  {
    name: 'an open breaker: a secret without the field that workers need',
    facts: {
      group: suspended('Launch'),
      state: { value: { keptAtMs: ago(1), trippedAtMs: ago(20) } },
      ...gaveUp({
        reason: 'cannot-read-secrets',
        refusal: 'lasting',
        problem: 'DB (arn:db): its value has no field "pasword"',
      }),
    },
    check: 'launches',
    status: 'bad',
    says: [
      `The last instances could not read the workers' secrets: DB (arn:db): its value has no field "pasword"; no instance is launched since ${textAgo(20)}.`,
      'Correct the value of the secret, or the prop secrets, and deploy. Then: mayfly fleet resume',
    ],
  },
  {
    name: 'the last instance that terminated, which could not use the queue',
    facts: { boots: { value: [refusedBoot] } },
    check: 'instances',
    status: 'bad',
    says: [
      'i-7, the last one that terminated, could not receive jobs: KmsDisabled: the key is disabled',
      'It saved no log.',
    ],
  },
  {
    name: 'launches that an operator suspended',
    facts: { group: suspended('Launch') },
    check: 'launches',
    status: 'bad',
    says: ['not by Mayfly', '03:00', 'mayfly fleet resume'],
  },
  {
    name: 'a suspended AlarmNotification process',
    facts: { group: suspended('AlarmNotification') },
    check: 'launches',
    status: 'bad',
    says: ['AlarmNotification', 'resume-processes'],
  },
  {
    name: 'a failed launch while an instance is missing',
    facts: {
      group: { value: { ...group, desired: 2 } },
      activities: failure(60, 'VcpuLimitExceeded: too many'),
    },
    check: 'launches',
    status: 'bad',
    says: ['VcpuLimitExceeded: too many', 'Service Quotas'],
  },
  {
    name: 'a launch that failed just now',
    facts: { activities: failure(1, 'no capacity') },
    check: 'launches',
    status: 'bad',
    says: ['no capacity'],
  },
  {
    name: 'launches that go on failing',
    facts: {
      activities: {
        value: {
          ...{ launches: [], terminations: [] },
          refused: { atMs: ago(1), message: 'no capacity', times: 12, sinceMs: ago(90) },
        },
      },
    },
    check: 'launches',
    status: 'bad',
    says: [`The last 12 launches have failed since ${textAgo(90)}, the latest at ${textAgo(1)}: no capacity`],
  },
  {
    name: 'a failed launch while no instance is missing',
    facts: { activities: failure(60, 'no capacity') },
    check: 'launches',
    status: 'warn',
    says: ['no capacity', 'instanceTypes'],
  },
  {
    name: 'launches that may not be read',
    facts: { activities: { error: new AccessDeniedError('Not the activities.') } },
    check: 'launches',
    status: 'warn',
    says: ['Could not be read. Not the activities.'],
  },
  {
    name: 'jobs that wait for a long time while the activities may not be read',
    facts: {
      ...{ group: nobody, instances: { value: [] } },
      activities: { error: new AccessDeniedError('Not the activities.') },
    },
    check: 'launches',
    status: 'bad',
    says: ['3 jobs have been waiting since', textAgo(40)],
  },
  {
    name: 'more instances desired than exist, and no launch',
    facts: { group: { value: { ...group, desired: 5 } } },
    check: 'launches',
    status: 'bad',
    says: ['5 instances are desired, 1 exist'],
  },
  {
    name: 'jobs that wait for a long time without a known cause',
    facts: { group: nobody, instances: { value: [] } },
    check: 'launches',
    status: 'bad',
    says: ['3 jobs have been waiting since', textAgo(40)],
  },
  {
    name: 'the actions of the alarm are disabled',
    facts: { alarms: alarms({ actionsEnabled: false }) },
    check: 'alarms',
    status: 'bad',
    says: ['backlog', 'enable-alarm-actions --alarm-names backlog'],
  },
  {
    name: 'the alarm has no action',
    facts: { alarms: alarms({ actions: [] }) },
    check: 'alarms',
    status: 'bad',
    says: ['no action'],
  },
  {
    name: 'the alarms are gone',
    facts: { alarms: { value: new Map() } },
    check: 'alarms',
    status: 'bad',
    says: ['backlog is gone', 'put-metric-alarm --alarm-name backlog'],
  },
  {
    name: 'a keeper that has never run',
    facts: { state: { value: {} } },
    check: 'keeper',
    status: 'warn',
    says: ['not run yet', 'function-name keeper'],
  },
  {
    name: 'a keeper that has stopped running',
    facts: { state: { value: { keptAtMs: ago(6) } } },
    check: 'keeper',
    status: 'bad',
    says: [textAgo(6), 'function-name keeper'],
  },
  {
    name: 'a keeper that fails',
    facts: { state: { value: { keptAtMs: ago(1), keeperFailure: 'AccessDenied: SuspendProcesses' } } },
    check: 'keeper',
    status: 'bad',
    says: ['AccessDenied: SuspendProcesses'],
  },
  {
    name: 'an instance that does not boot',
    facts: { instances: { value: [{ ...busy, record: undefined, jobs: [], launchedAtMs: ago(21) }] } },
    check: 'instances',
    status: 'warn',
    says: ['i-1 was launched 21 minutes ago', 'The keeper terminates it', 's3://logs/instances/i-1/'],
  },
  {
    name: 'an instance that does not start after it left the warm pool',
    facts: {
      instances: {
        value: [{ ...busy, jobs: [], record: { ...record, reportedAtMs: ago(2000) }, launchedAtMs: ago(21) }],
      },
    },
    check: 'instances',
    status: 'warn',
    says: ['i-1 was launched 21 minutes ago, and its agent has not reported since'],
  },
  {
    name: 'an instance that does not boot and is not terminated',
    facts: { instances: { value: [{ ...busy, record: undefined, jobs: [], launchedAtMs: ago(30) }] } },
    check: 'instances',
    status: 'bad',
    says: ['30 minutes', 'should have terminated it'],
  },
  {
    name: 'a warm pool that may not be read',
    facts: { pool: { error: new AccessDeniedError('Not the pool.') } },
    check: 'instances',
    status: 'warn',
    says: ['Could not be read. Not the pool.'],
  },
  {
    name: 'a silent instance',
    facts: { instances: { value: [{ ...busy, jobs: [], record: { ...record, reportedAtMs: ago(16) } }] } },
    check: 'instances',
    status: 'warn',
    says: ['has not reported for 16 minutes'],
  },
  {
    name: 'a silent instance that is not terminated',
    facts: { instances: { value: [{ ...busy, jobs: [], record: { ...record, reportedAtMs: ago(25) } }] } },
    check: 'instances',
    status: 'bad',
    says: ['25 minutes', 'should have terminated it'],
  },
  {
    name: 'an instance that may not terminate itself',
    facts: { instances: { value: [{ ...busy, jobs: [], record: { ...record, retirement } }] } },
    check: 'instances',
    status: 'bad',
    says: ['90 minutes', 'AccessDenied: not you', 'terminate-instances --instance-ids i-1'],
  },
  {
    name: 'an instance on which jobs fail',
    facts: { instances: { value: [{ ...busy, jobs: [], record: { ...record, forecast: slowed } }] } },
    check: 'instances',
    status: 'bad',
    says: [`i-1 has run one job at a time since ${textAgo(5)}: 4 tries in a row`, '"exit status 1"'],
  },
  {
    name: 'an instance that terminated because it was unhealthy',
    facts: {
      boots: {
        value: [
          {
            ...{ instance: 'i-0', launchedAtMs: ago(30), record: unhealthy },
            savedLog: { reason: 'unhealthy', key: 'instances/i-0/t-unhealthy.log' },
          },
        ],
      },
    },
    check: 'instances',
    status: 'bad',
    says: [
      `i-0 was unhealthy, and terminated at ${textAgo(7)}: no GPU.`,
      'Its log: s3://logs/instances/i-0/t-unhealthy.log',
    ],
  },
  {
    name: 'an instance without its worker program and without a saved log',
    facts: gaveUp({ reason: 'worker-missing', problem: 'cannot start ./render: there is no file /x/render' }),
    check: 'instances',
    status: 'bad',
    says: [
      `i-0 could not start the program of its workers, and terminated at ${textAgo(7)}: cannot start ./render: there is no file /x/render.`,
      'It saved no log.',
      'workerDirectory',
    ],
  },
  {
    name: 'an instance that failed while the bucket may not be listed',
    facts: {
      ...gaveUp({ reason: 'worker-missing', problem: 'no program' }),
      logBucket: { error: new AccessDeniedError('Not you.') },
    },
    check: 'instances',
    status: 'bad',
    says: ['The bucket could not be searched for its log.'],
  },
  {
    name: 'an instance that did not boot',
    facts: gaveUp({ reason: 'boot-failed', problem: 'could not run the playbook: no such package: hammer' }),
    check: 'instances',
    status: 'bad',
    says: ['i-0 did not boot, and terminated at', 'no such package: hammer.', 'its set-up'],
  },
  {
    name: 'an instance whose agent crashed, with the fatal error',
    facts: gaveUp({ reason: 'agent-crashed', problem: 'it was silent' }, { fatalError: 'TypeError: no' }),
    check: 'instances',
    status: 'bad',
    says: [
      /i-0 lost its agent, and terminated at .*: it was silent; fatal error of its agent: TypeError: no\./,
    ],
  },
  {
    name: 'a lost instance with the fatal error of its agent',
    facts: gaveUp({ reason: 'lost', problem: undefined }, { fatalError: 'TypeError: no' }),
    check: 'instances',
    status: 'bad',
    says: [/i-0 lost its agent, and terminated at .*: TypeError: no\./],
  },
  {
    name: 'an instance without a record but with a saved log',
    facts: {
      boots: {
        value: [
          {
            ...{ instance: 'i-0', launchedAtMs: ago(30), record: undefined },
            savedLog: { reason: 'worker-missing', key: 'instances/i-0/t-worker-missing.log' },
          },
        ],
      },
    },
    check: 'instances',
    status: 'bad',
    says: [
      'i-0 could not start the program of its workers: the reason is not known.',
      's3://logs/instances/i-0/t-worker-missing.log',
    ],
  },
  {
    name: 'an instance that was unhealthy while a later one runs jobs',
    facts: {
      boots: {
        value: [
          { instance: 'i-1', launchedAtMs: ago(6), record: worked },
          { instance: 'i-0', launchedAtMs: ago(30), record: unhealthy },
        ],
      },
    },
    check: 'instances',
    status: 'warn',
    says: [`i-0 was unhealthy, and terminated at ${textAgo(7)}: no GPU.`, 'Later instances run jobs'],
  },
  {
    name: 'an instance that was unhealthy while only an earlier one ran jobs',
    facts: {
      boots: {
        value: [
          { instance: 'i-0', launchedAtMs: ago(30), record: unhealthy },
          { instance: 'i-1', launchedAtMs: ago(40), record: worked },
        ],
      },
    },
    check: 'instances',
    status: 'bad',
    says: ['i-0 was unhealthy'],
  },
  {
    name: 'a job that runs longer than the limit',
    facts: { instances: { value: [{ ...busy, jobs: [{ ...job, startedAt: timeAgo(70) }] }] } },
    check: 'jobs',
    status: 'bad',
    says: ['j-1 has been running on i-1 for 70 minutes', '3600 s', 'mayfly cancel j-1'],
  },
  {
    name: 'a job that runs longer than its own limit',
    facts: { instances: { value: [{ ...busy, jobs: [{ ...job, limitSeconds: 60 }] }] } },
    check: 'jobs',
    status: 'bad',
    says: ['60 s'],
  },
  {
    name: 'a job with an expired lease that is not settled',
    facts: { instances: { value: [{ ...busy, jobs: [{ ...job, leaseUntilMs: ago(15) }] }] } },
    check: 'jobs',
    status: 'bad',
    says: ['lease expired 15 minutes ago'],
  },
  {
    name: 'jobs whose messages are gone',
    facts: { orphaned: { value: { jobs: ['j-3', 'j-4'], isPartial: false } } },
    check: 'jobs',
    status: 'warn',
    says: ['j-3, j-4', 'purged', 'mayfly retry j-3'],
  },
];

describe('a fleet without problems', () => {
  const well: { name: string; facts: Partial<CheckInput> }[] = [
    { name: 'with jobs', facts: {} },
    {
      name: 'without jobs',
      facts: {
        queue: { value: { ...queue, visible: 0, inFlight: 0 } },
        group: nobody,
        instances: { value: [] },
        state: { value: { keptAtMs: ago(1) } },
      },
    },
    {
      name: 'with a first job that has just been enqueued',
      facts: {
        group: nobody,
        instances: { value: [] },
        state: { value: { keptAtMs: ago(1), backlogSinceMs: ago(3) } },
      },
    },
    {
      name: 'whose instances are being launched',
      facts: {
        group: { value: { ...group, desired: 4 } },
        activities: { value: { launches: [{ instance: 'i-1', startedAtMs: ago(2) }], terminations: [] } },
      },
    },
    {
      name: 'with an instance that boots slowly',
      facts: { instances: { value: [{ ...busy, record: undefined, jobs: [], launchedAtMs: ago(19) }] } },
    },
    {
      name: 'with an instance that was stopped in the warm pool and starts for a job',
      facts: {
        instances: {
          value: [
            {
              ...{ ...busy, jobs: [], launchedAtMs: ago(1) },
              ...{ member: { ...member, lifecycleState: 'Pending:Wait' } },
              record: { ...record, reportedAtMs: ago(2000) },
            },
          ],
        },
      },
    },
    {
      name: 'with a job right at its limit',
      facts: { instances: { value: [{ ...busy, jobs: [{ ...job, startedAt: timeAgo(61) }] }] } },
    },
    {
      name: 'with an instance that drains',
      facts: {
        instances: {
          value: [
            {
              ...busy,
              member: { ...member, lifecycleState: 'Terminating:Wait' },
              record: { ...record, retirement },
            },
          ],
        },
      },
    },
    {
      name: 'that was found by names and has its own settings',
      facts: {
        fleet: (({ keeperFunction: _k, backlogAlarm: _b, bootBreakerAlarm: _a, ...rest }) => rest)(
          fleet,
        ) as CheckInput['fleet'],
        queue: { value: { ...queue, visibilitySeconds: 300, retentionSeconds: 345_600 } },
        alarms: { value: new Map() },
      },
    },
    { name: 'that has no dead letters', facts: { deadLetters: undefined } },
    {
      name: 'whose instances work again after one could not use the queue',
      facts: {
        boots: { value: [{ instance: 'i-1', launchedAtMs: ago(20), record: worked }, refusedBoot] },
      },
    },
  ];

  test.each(well)('$name', ({ facts }) => {
    const { status, findings } = runChecks({ ...healthy, ...facts });
    expect(findings.filter((finding) => finding.status !== 'ok')).toEqual([]);
    expect(status).toBe('ok');
  });

  test('has a finding for each check', () => {
    const checks = runChecks(healthy).findings.map(({ check }) => check);
    expect(checks).toEqual([
      'found',
      'queue',
      'dead letters',
      'table',
      'log bucket',
      'group',
      'network',
      'scaling policy',
      'hooks',
      'launches',
      'alarms',
      'keeper',
      'instances',
      'jobs',
      'job groups',
    ]);
  });
});

describe('finds', () => {
  test.each(cases)('$name', ({ facts, check, status, says }) => {
    const diagnosis = runChecks({ ...healthy, ...facts });
    const found = diagnosis.findings.filter(
      (finding) => finding.check === check && finding.status === status,
    );
    const [first] = found;
    const told = [first?.text, ...(first?.details ?? []), first?.advice].join('\n');
    for (const words of says) expect(told).toMatch(words);
    expect(told).not.toMatch(/:\d\d\.\d+Z/);
    expect(
      diagnosis.findings.filter((finding) => finding.check === check && finding.status === 'ok'),
    ).toEqual([]);
  });

  test('the diagnosis is as bad as its worst finding', () => {
    const warned = { ...healthy, orphaned: { value: { jobs: ['j-3'], isPartial: true } } };
    expect(runChecks(warned).status).toBe('warn');
    expect(runChecks({ ...warned, logBucket: { error: new StoreGoneError('gone') } }).status).toBe('bad');
  });
});

test.each([
  [
    'You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to.',
    'Service Quotas',
  ],
  [
    'Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance count exceeded',
    'Service Quotas',
  ],
  [
    'We currently do not have sufficient m5.large capacity in the Availability Zone you requested (us-east-1a).',
    'instanceTypes',
  ],
  [
    'Your requested instance type (m5.large) is not supported in your requested Availability Zone (us-east-1e).',
    'instanceTypes',
  ],
  ['Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity', 'spotShare'],
  ["The image id '[ami-0123456789abcdef0]' does not exist", 'machine image'],
  [
    'There are not enough free addresses in subnet subnet-1 to satisfy the requested number of instances.',
    'network',
  ],
  ["The security group 'sg-1' does not exist in VPC 'vpc-1'", 'network'],
  ['Invalid IAM Instance Profile name', 'A permission is missing'],
  [
    'You are not authorized to perform this operation. Encoded authorization failure message: aMi-VCPU',
    'A permission',
  ],
  ['Client.InternalError: Client error on launch', 'the key that encrypts volumes'],
  [
    'Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state',
    'the key that encrypts',
  ],
  ['Server.InternalError: Internal error on launch', 'EC2 had an internal error'],
  ['You must use a valid fully-formed launch template. The launch template is gone', 'launch template'],
  [
    'InvalidParameterCombination: The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run describe-instance-types with the filter free-tier-eligible=true.',
    'free plan',
  ],
  ['Something new', 'tries again'],
])('advises on a launch that was refused with %j', (message, advice) => {
  expect(adviseOnRefusedLaunch(message)).toContain(advice);
});

test.each([
  ['DB (/kms/denied): its value is binary', 'Correct the value'],
  ['DB (x): DecryptionFailure: no', 'Check that the key of the secret'],
  ['DB (x): AccessDeniedException: Access to KMS is not allowed', 'Check that the key of the secret'],
  ['DB (x): InvalidRequestException: it was marked for deletion', 'Restore or create the secret'],
  ['DB (x): TimeoutError: no answer', 'AWS Health Dashboard'],
])('advice on a secret: %s', (error, advice) => {
  expect(adviseOnRefusal('cannot-read-secrets', error)).toContain(advice);
});

test('advice to delete the stack says what is deleted with it and how to keep it', () => {
  const noQueue = 'QueueDoesNotExist: The specified queue does not exist';
  for (const advice of [
    adviseOnRefusedLaunch('The launch template is gone'),
    adviseOnRefusal('receive', noQueue),
  ]) {
    expect(advice).toMatch(
      /delete the stack .*deletes the queues.*set removalPolicy to RemovalPolicy.RETAIN/,
    );
  }
});
