import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatRecentTime } from '../../../../cli/commands/fleet/reasons.ts';
import { fleetText } from '../../../../cli/commands/fleet/text.ts';
import type { FleetView } from '../../../../client/instances/describe.ts';
import type { InstanceView, RetiredView } from '../../../../client/instances/instance-view.ts';

const zone = process.env['TZ'];
beforeAll(() => {
  process.env['TZ'] = 'Asia/Kathmandu';
});
afterAll(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

const NOW_MS = Date.parse('2026-01-02T07:40:00.000Z');
const at = (seconds: number) => new Date(NOW_MS + seconds * 1000).toISOString();

const view: FleetView = {
  fleet: 'Test/test',
  region: 'us-east-1',
  at: at(0),
  queue: { visible: 0, inFlight: 0, delayed: 0 },
  deadLetters: 0,
  capacity: { desired: 1, min: 0, max: 10 },
  launches: { suspended: false },
  keeper: { ranAt: at(-20) },
  instances: [],
  retired: [],
};
const idle: InstanceView = {
  instance: 'i-1',
  status: 'idle',
  lifecycleState: 'InService',
  type: 'm6i.large',
  zone: 'us-east-1a',
  launchedAt: at(-720),
  slots: 2,
  jobsDone: 7,
  jobs: [],
  idleSince: at(-20),
  next: { action: 'retire', at: at(70), reason: 'idle' },
};
const working: InstanceView = {
  ...(({ idleSince: _, ...rest }) => rest)(idle),
  status: 'working',
  jobs: [
    { id: 'j-a', attempt: 1, ranSeconds: 200 },
    { id: 'j-b', attempt: 1, ranSeconds: 3 },
  ],
  next: { action: 'work' },
};
const slowed: InstanceView = {
  ...working,
  jobs: [],
  slowed: { since: at(-60), failures: 4, reason: 'exit status 1' },
};
const retired: RetiredView = {
  instance: 'i-0',
  endedAt: at(-600),
  reason: 'idle',
  jobsDone: 12,
  idleSeconds: 60,
};

const text = (changes: Partial<FleetView>, cells = Number.POSITIVE_INFINITY) =>
  fleetText({ ...view, ...changes }, NOW_MS, (_style, words) => words, cells);

test('a fleet with nothing to do', () => {
  expect(text({})).toBe(
    [
      'Test/test in us-east-1 at 07:40:00Z',
      'queue     0 waiting, 0 in flight, 0 delayed',
      'capacity  1 desired, of 0 to 10',
      'keeper    ran 20 s ago',
      '',
      'No instances.',
    ].join('\n'),
  );
});

test('a long line of the summary is broken at words and indented', () => {
  const failure = {
    at: at(-60),
    times: 1,
    message: 'We currently do not have sufficient m6i.large capacity in the Availability Zone you requested',
  };
  expect(text({ launches: { suspended: false, failure } }, 59)).toContain(
    [
      'capacity  1 desired, of 0 to 10',
      'launches  the last one failed at 07:39:00Z: We currently do',
      '          not have sufficient m6i.large capacity in the',
      '          Availability Zone you requested',
      'keeper    ran 20 s ago',
    ].join('\n'),
  );
});

test('a fleet with running jobs and a retired instance', () => {
  expect(text({ instances: [working, { ...idle, instance: 'i-2' }], retired: [retired] })).toContain(
    [
      'instance  state    type       zone        up      jobs                                             next                                                 reported',
      'i-1       working  m6i.large  us-east-1a  12 min  2 of 2: j-a for 3 min 20 s, j-b for 3 s; 7 done  continues',
      'i-2       idle     m6i.large  us-east-1a  12 min  0 of 2; 7 done                                   idle for 20 s, retires at 07:41:10Z if no job comes',
      '',
      'gone  at         jobs  why',
      'i-0   07:30:00Z  12    idle for 1 min',
    ].join('\n'),
  );
});

const summaries: [name: string, view: Partial<FleetView>, says: string | RegExp][] = [
  [
    'jobs that wait',
    { queue: { visible: 12, inFlight: 3, delayed: 1, waitingSince: at(-61) } },
    '12 waiting since 07:38:59Z, 3 in flight, 1 delayed',
  ],
  ['dead letters', { deadLetters: 2 }, '2 dead letters (mayfly dlq list)'],
  [
    'a pause',
    { launches: { suspended: true, reason: 'paused', since: at(-90_000) } },
    'launches  paused since 2026-01-01T06:40:00Z: no job is started (mayfly fleet resume)',
  ],
  [
    'a new pause, of which not all agents know',
    { launches: { suspended: true, reason: 'paused', since: at(-59) } },
    'launches  paused since 07:39:01Z: agents stop taking jobs within a minute (mayfly fleet resume)',
  ],
  [
    'an open breaker',
    { launches: { suspended: true, reason: 'breaker', since: at(-60) } },
    'none since 07:39:00Z: too many instances in a row have failed (mayfly doctor)',
  ],
  [
    'launches that somebody else suspended',
    { launches: { suspended: true, reason: 'other', suspensionReason: 'User suspended\x1b[2J' } },
    String.raw`none: the process Launch is suspended (User suspended\x1b[2J) (mayfly fleet resume)`,
  ],
  [
    'a launch that failed',
    { launches: { suspended: false, failure: { at: at(-5), message: 'no capacity', times: 1 } } },
    'launches  the last one failed at 07:39:55Z: no capacity',
  ],
  [
    'launches that fail again and again',
    {
      launches: {
        suspended: false,
        failure: { at: at(-5), message: 'no capacity', times: 12, since: at(-65) },
      },
    },
    'launches  the last 12 failed since 07:38:55Z, the latest at 07:39:55Z: no capacity',
  ],
  ['a keeper that fails', { keeper: { ranAt: at(-5), failure: 'denied' } }, 'ran 5 s ago and failed: denied'],
  ['a keeper that never ran', { keeper: {} }, 'has not run yet'],
];
test.each(summaries)('the summary shows %s', (_name, changes, says) => {
  expect(text(changes)).toMatch(says);
});

const rows: [name: string, instance: Partial<InstanceView>, says: string][] = [
  ['booting', { status: 'booting' }, 'takes jobs once it has booted'],
  ['in the warm pool', { status: 'pooled' }, 'waits in the warm pool'],
  [
    'working until its maximum age',
    { ...working, next: { action: 'work', at: at(600), reason: 'max-age' } },
    'takes no more jobs after 07:50:00Z (maximum age)',
  ],
  [
    'working and to leave',
    { ...working, next: { action: 'leave', at: at(-5), reason: 'spot-interruption' } },
    'leaves when its jobs have ended (Spot interruption)',
  ],
  [
    'about to retire',
    { next: { action: 'retire', at: at(-1), reason: 'idle' } },
    'retires now if no job comes',
  ],
  [
    'idle by the hour',
    { next: { action: 'retire', at: at(60), reason: 'paid-hour' } },
    'retires at 07:41:00Z if no job comes (the end of its paid hour)',
  ],
  [
    'idle, and reaches its maximum age soon',
    { next: { action: 'leave', at: at(60), reason: 'max-age' } },
    'retires at 07:41:00Z (maximum age)',
  ],
  ['new, and does not know its queue', { next: { action: 'stay' } }, 'idle for 20 s, stays for now'],
  [
    'leaving',
    { status: 'leaving', next: { action: 'leave', reason: 'surplus' } },
    'leaves: more were running than desired',
  ],
  [
    'to be drained, and does not know it yet',
    { ...working, drainRequestedAt: at(-5) },
    'is to be drained: its agent learns of it with its next report',
  ],
  [
    'being drained',
    { ...working, drainRequestedAt: at(-5), next: { action: 'leave', at: at(-1), reason: 'drained' } },
    'leaves when its jobs have ended (drained by an operator)',
  ],
  ['silent', { status: 'silent', reportedAt: at(-1200) }, 'no report for 20 min: the keeper terminates it'],
  ['gone', { status: 'gone' }, 'the keeper cleans up after it'],
];
test.each(rows)('an instance that is %s', (_name, changes, says) => {
  expect(text({ instances: [{ ...idle, ...changes }] })).toContain(says);
});

test('an instance that its group keeps at its minimum', () => {
  const capacity = { desired: 1, min: 1, max: 10 };
  const kept: InstanceView = { ...idle, next: { action: 'stay' } };
  expect(text({ capacity, instances: [kept] })).toContain('stays: its group is at its minimum');
});

test('the age of the last report of an instance is yellow if a report is missing', () => {
  const instances = [
    { ...idle, reportedAt: at(-8) },
    { ...idle, reportedAt: at(-130) },
  ];
  const paint = (style: unknown, words: string) => (style === 'yellow' ? `<${words}>` : words);
  const shown = fleetText({ ...view, instances }, NOW_MS, paint, Number.POSITIVE_INFINITY);
  expect(shown).toMatch(/^instance .* jobs +next +reported$/m);
  expect(shown).toMatch(/ if no job comes +8 s ago$/m);
  expect(shown).toMatch(/ if no job comes +<2 min 10 s ago>$/m);
});

test('an instance that has not reported what it will do', () => {
  const silent = (({ next: _, ...rest }) => rest)(idle);
  expect(text({ instances: [silent] })).toContain('has not reported what it will do');
});

test('in a paused fleet an instance retires whether jobs come or not', () => {
  const launches = { suspended: true, reason: 'paused', since: at(-60) } as const;
  expect(text({ launches, instances: [idle] })).toMatch(/retires at 07:41:10Z$/);
});

test('two of many jobs are named', () => {
  const jobs = ['j-a', 'j-b', 'j-c', 'j-d'].map((id) => ({ id, attempt: 1, ranSeconds: 5 }));
  expect(text({ instances: [{ ...working, slots: 4, jobs }] })).toContain(
    '4 of 4: j-a for 5 s, j-b for 5 s, 2 more',
  );
});

test('why an instance left that has no record, was refused its termination, or whose agent gave up', () => {
  const lost: RetiredView = {
    instance: 'i-0',
    endedAt: at(-60),
    reason: 'unknown',
    cause: 'user health-check',
  };
  expect(text({ retired: [lost] })).toContain('has no record: user health-check');
  const forced: RetiredView = {
    ...retired,
    reason: 'idle',
    rung: 'unhealthy',
    lastError: 'AccessDenied: no',
  };
  expect(text({ retired: [forced] })).toContain('idle for 1 min (unhealthy: AccessDenied: no)');
  const crashed: RetiredView = {
    instance: 'i-0',
    endedAt: at(-60),
    reason: 'lost',
    problem: 'no such \x9bthing',
  };
  expect(text({ retired: [crashed] })).toContain(String.raw`its agent gave up: no such \x9bthing`);
});

test('lines fit the terminal, and no text is lost', () => {
  const long = [
    { id: 'j-x7c2p9q4m1ks', attempt: 1, ranSeconds: 200 },
    { id: 'j-8w3m0c5vkq1z', attempt: 1, ranSeconds: 3 },
  ];
  const instance = 'i-0123456789abcdef0';
  const instances = [
    { ...working, instance, jobs: long },
    { ...idle, instance },
  ];
  const shown = text(
    { instances, retired: [{ ...retired, lastError: `AccessDenied: ${'no '.repeat(30)}` }] },
    79,
  );
  expect(Math.max(...shown.split('\n').map((line) => line.length))).toBeLessThanOrEqual(79);
  expect(shown).toContain(
    [
      'instance             state    type       zone        up      jobs',
      'i-0123456789abcdef0  working  m6i.large  us-east-1a  12 min',
      '  jobs: 2 of 2: j-x7c2p9q4m1ks for 3 min 20 s, j-8w3m0c5vkq1z for 3 s; 7 done',
      '  next: continues',
      'i-0123456789abcdef0  idle     m6i.large  us-east-1a  12 min  0 of 2; 7 done',
      '  next: idle for 20 s, retires at 07:41:10Z if no job comes',
    ].join('\n'),
  );
});

test('a time on another day has its date', () => {
  expect(formatRecentTime(at(-60), NOW_MS)).toBe('07:39:00Z');
  expect(formatRecentTime('2025-12-31T23:00:00Z', NOW_MS)).toBe('2025-12-31T23:00:00Z');
});

test('an instance on which jobs fail takes one at a time', () => {
  expect(text({ instances: [slowed] })).toContain(
    'takes one job at a time since 07:39:00Z: 4 tries in a row failed (exit status 1)',
  );
});
