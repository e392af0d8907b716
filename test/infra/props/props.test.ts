import { App, Duration, Size, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type IMachineImage, InstanceType, MachineImage, WindowsVersion } from 'aws-cdk-lib/aws-ec2';
import { Alias } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { describe, expect, it } from 'vitest';
import { FleetPropsError } from '../../../infra/props/errors.ts';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import { resolveSettings } from '../../../infra/props/settings.ts';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';

const settings = (props: object, id = 'Fleet') =>
  resolveSettings('WorkerFleet', id, props as WorkerFleetProps);

/** Props with a refused value, how the error shows the value, and what it says is allowed. */
const refused: [key: string, props: object, shown: string, allowed: RegExp][] = [
  ['fleetName', { fleetName: 'my fleet' }, '"my fleet"', /letters, digits/],
  ['fleetName', { fleetName: '' }, '""', /letters, digits/],
  ['fleetName', { fleetName: 'x'.repeat(65) }, `"${'x'.repeat(65)}"`, /up to 64/],
  ['command', { command: [] }, '[]', /at least one word/],
  ['command', { command: ['a', ''] }, '["a",""]', /none of them empty/],
  ['command', { command: 'a b' }, '"a b"', /a list/],
  ['environment', { environment: { MAYFLY_JOB_ID: 'x' } }, '{"MAYFLY_JOB_ID":"x"}', /do not begin with/],
  ['environment', { environment: { '1A': 'x' } }, '{"1A":"x"}', /letters, digits and "_"/],
  ['environment', { environment: { A: 1 } }, '{"A":1}', /each with a text/],
  ['environment', { environment: { A: 'a\0' } }, '{"A":"a\\u0000"}', /without control characters/],
  ['environment', { environment: { A: '\u2028' } }, '{"A":"\u2028"}', /without control characters/],
  ['environment', { environment: { A: '\ud800' } }, '{"A":"\\ud800"}', /without control characters/],
  ['workerAwsAccess', { workerAwsAccess: 'all' }, '"all"', /"role", "none" or an IRole/],
  ['workerAwsAccess', { workerAwsAccess: true }, 'true', /an IRole/],
  ['setup', { setup: '/root/install.sh' }, '"/root/install.sh"', /relative to the worker directory/],
  ['setup', { setup: ['install.sh'] }, '["install.sh"]', /the path of a script/],
  ['setupRequirements', { setupRequirements: '/root/needs.yml' }, '"/root/needs.yml"', /relative to the/],
  ['setupRequirements', { setupRequirements: 'needs.yml' }, '"needs.yml"', /only with setup/],
  [
    'setupVaultPassword',
    { setupVaultPassword: 'sesame' },
    '"sesame"',
    /SSM parameter of the type SecureString/,
  ],
  [
    'setupVaultPassword',
    { setup: 'setup.yml', setupVaultPassword: { parameterName: '/vault', parameterType: 'String' } },
    '{"parameterName":"/vault","parameterType":"String"}',
    /of the type SecureString/,
  ],
  [
    'setupVaultPassword',
    { setupVaultPassword: { parameterName: '/vault', parameterType: 'SecureString' } },
    '"/vault"',
    /only with setup/,
  ],
  [
    'setupVaultPassword.encryptionKey',
    {
      setup: 'setup.yml',
      setupVaultPassword: {
        ...{ parameterName: '/vault', parameterType: 'SecureString' },
        encryptionKey: Alias.fromAliasName(new Stack(), 'Mine', 'alias/mine'),
      },
    },
    'an alias',
    /Key\.fromLookup/,
  ],
  ['stopGrace', { stopGrace: Duration.days(2) }, '2 days', /between 0 seconds and 1 day/],
  ['concurrency', { concurrency: 0 }, '0', /between 1 and 1000/],
  ['concurrency', { concurrency: 1.5 }, '1.5', /whole number/],
  ['workerMemory', { workerMemory: Size.mebibytes(16) }, '16 MiB', /between 32 MiB and 24 TiB/],
  ['workerMemory', { workerMemory: Size.kibibytes(40_000) }, '40000 KiB', /in whole MiB/],
  ['workerMemory', { workerMemory: 512 }, '512', /a Size/],
  ['workerCpu', { workerCpu: 0 }, '0', /between 0.05 and 1000/],
  ['workerCpu', { workerCpu: '50%' }, '"50%"', /a number/],
  ['workerTasks', { workerTasks: 1 }, '1', /between 16 and 1000000/],
  ['workerDisk', { workerDisk: Size.mebibytes(1) }, '1 MiB', /between 16 MiB and 24 TiB/],
  ['workerDisk', { workerDisk: 100 }, '100', /a Size/],
  ...['cache', '/tmp/cache', '/var/cache', '/var/cache/../lib', '/srv/a b', '/var/cache/mayfly-slot/1'].map(
    (path): [string, object, string, RegExp] => [
      'workerCacheDirectory',
      { workerCacheDirectory: path },
      JSON.stringify(path),
      /below \/var\/cache, \/srv or \/mnt/,
    ],
  ),
  ['limit', { limit: Duration.hours(13) }, '13 hours', /between 1 second and 12 hours/],
  ['limit', { limit: 3600 }, '3600', /a Duration/],
  ['maxLimit', { maxLimit: Duration.hours(13) }, '13 hours', /between 1 second and 12 hours/],
  ['maxLimit', { maxLimit: Duration.minutes(59) }, '3540 seconds', /at least limit, 3600 seconds/],
  ['maxLimit plus grace', { maxLimit: Duration.hours(12) }, '43210 seconds', /at most 12 hours/],
  ['grace', { grace: Duration.hours(2) }, '2 hours', /between 0 seconds and 1 hour/],
  ['lease', { lease: Duration.seconds(1) }, '1 second', /between 2 seconds and 12 hours/],
  ['lease', { lease: Duration.millis(2500) }, '2 seconds 500 millis', /in whole seconds/],
  ['alarmTopic', { alarmTopic: 'arn:aws:sns:us-east-1:000000000000:x' }, '"arn:aws:sns', /an ITopic/],
  ['maxAttempts', { maxAttempts: 901 }, '901', /between 1 and 900/],
  ['messageAttributes', { messageAttributes: 'all' }, '"all"', /true or false/],
  ['instanceCheck', { instanceCheck: [] }, '[]', /a list of at least one word/],
  ['instanceCheck', { instanceCheck: 'df -h' }, '"df -h"', /a list of at least one word/],
  ['commands', { commands: ['./healthy.sh'] }, '["./healthy.sh"]', /up to 20 commands/],
  ['commands', { commands: { '1st': ['true'] } }, '{"1st":["true"]}', /a name of a letter, then letters/],
  ['commands', { commands: { constructor: ['true'] } }, '{"constructor":', /a name of a letter/],
  ['commands', { commands: { [`a${'b'.repeat(64)}`]: ['true'] } }, '{"abbb', /up to 64 characters/],
  [
    'commands',
    { commands: Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`c${at}`, ['true']])) },
    '{"c0":["true"]',
    /up to 20 commands/,
  ],
  ['commands.healthy', { commands: { healthy: [] } }, '[]', /a list of at least one word/],
  [
    'commands.undo',
    { commands: { healthy: ['true'], undo: 'true' } },
    '"true"',
    /a list of at least one word/,
  ],
  ['groups', { groups: 5 }, '5', /an object of lanes, maxLanes, checkLimit, notNowLimit/],
  ['groups.lanes', { groups: { lanes: 0 } }, '0', /between 1 and 200, or a percentage from "1%" to "100%"/],
  ['groups.lanes', { groups: { lanes: '101%' } }, '"101%"', /a percentage from "1%" to "100%"/],
  ['groups.lanes', { groups: { lanes: 101 } }, '101', /at most groups.maxLanes, 100/],
  ['groups.maxLanes', { groups: { maxLanes: 201 } }, '201', /between 1 and 200/],
  [
    'groups.checkLimit',
    { groups: { checkLimit: Duration.minutes(61) } },
    '3660 seconds',
    /at most maxLimit, 3600/,
  ],
  ['groups.notNowLimit', { groups: { notNowLimit: 1800 } }, '1800', /a Duration between 1 second and 1 day/],
  ['groups.lane', { groups: { lane: 1 } }, 'not a prop', /lanes, maxLanes/],
  ['minFreeDisk', { minFreeDisk: 512 }, '512', /a Size of at most 64 TiB/],
  ['minFreeDisk', { minFreeDisk: Size.tebibytes(65) }, '66560 GiB', /a Size of at most 64 TiB/],
  ['maxLog', { maxLog: Size.kibibytes(512) }, '512 KiB', /a Size between 1 MiB and 1 TiB in whole bytes/],
  ['maxLog', { maxLog: 512 }, '512', /a Size/],
  ['retryBackoff', { retryBackoff: 5 }, '5', /an object of first, factor, longest/],
  ['retryBackoff.first', { retryBackoff: { first: 5 } }, '5', /a Duration between 0 seconds and 12 hours/],
  ['retryBackoff.factor', { retryBackoff: { factor: 0.5 } }, '0.5', /a number between 1 and 100/],
  [
    'retryBackoff.first',
    { retryBackoff: { first: Duration.minutes(2), longest: Duration.minutes(1) } },
    '120 seconds',
    /at most retryBackoff.longest, 60 seconds/,
  ],
  [
    'retryBackoff.longest',
    { retryBackoff: { longest: Duration.hours(13) } },
    '13 hours',
    /between 0 seconds and 12 hours/,
  ],
  ['retryBackoff.max', { retryBackoff: { max: 5 } }, 'not a prop', /first, factor, longest/],
  ['refusalTimeout', { refusalTimeout: Duration.millis(500) }, '500 millis', /between 1 second and 1 day/],
  ['refusalTimeout', { refusalTimeout: 300 }, '300', /a Duration/],
  ['retryTimedOut', { retryTimedOut: 'yes' }, '"yes"', /true or false/],
  ['maxJobAge', { maxJobAge: Duration.days(15) }, '15 days', /14 days/],
  ['logRetention', { logRetention: Duration.hours(30) }, '1 day 6 hours', /in whole days/],
  ['maxCapacity', { maxCapacity: 0 }, '0', /between 1 and 10000/],
  ['instanceTypes', { instanceTypes: [] }, '[]', /1 to 40/],
  ['instanceTypes', { instanceTypes: [new InstanceType('large')] }, '[{', /one architecture/],
  ['spotShare', { spotShare: 101 }, '101', /percentage between 0 and 100/],
  ['rootVolume.size', { rootVolume: { size: Size.gibibytes(1) } }, '1 GiB', /between 8 and 16384 GiB/],
  ['rootVolume.deviceName', { rootVolume: { deviceName: 'xvda' } }, '"xvda"', /"\/dev\/xvda"/],
  ['rootVolume.type', { rootVolume: { type: 'gp2' } }, 'not a prop', /size, deviceName/],
  ['hopLimit', { hopLimit: 65 }, '65', /between 1 and 64/],
  ['scaleOut', { scaleOut: 5 }, '5', /an object of threshold, duration/],
  ['scaleOut.threshold', { scaleOut: { threshold: 0 } }, '0', /between 1 and/],
  [
    'scaleOut.duration',
    { scaleOut: { duration: Duration.seconds(90) } },
    '1 minute 30 seconds',
    /whole minutes/,
  ],
  ['scaleOut.jobsPerInstance', { scaleOut: { jobsPerInstance: 0.5 } }, '0.5', /whole number/],
  ['scaleOut.cooldown', { scaleOut: { cooldown: 1 } }, 'not a prop', /warmUp/],
  ['billing', { billing: 'hourly' }, '"hourly"', /"per-hour"/],
  ['idleTimeout', { idleTimeout: Duration.days(2) }, '2 days', /1 day/],
  [
    'idleTimeout',
    { idleTimeout: Duration.seconds(45), billing: 'per-hour' },
    '45 seconds',
    /none with billing 'per-hour'/,
  ],
  ['maxAge', { maxAge: Duration.seconds(5) }, '5 seconds', /between 1 minute/],
  ['drain', { drain: Duration.hours(13) }, '13 hours', /12 hours/],
  ['warmPool', { warmPool: 2 }, '2', /an object of minSize, maxGroupPreparedCapacity, poolState/],
  ['warmPool.minSize', { warmPool: { minSize: -1 } }, '-1', /between 0 and 10000/],
  ['warmPool.minSize', { warmPool: { minSize: 11 } }, '11', /at most maxCapacity, 10/],
  [
    'warmPool.maxGroupPreparedCapacity',
    { warmPool: { minSize: 3, maxGroupPreparedCapacity: 2 } },
    '2',
    /at least warmPool.minSize, 3/,
  ],
  ['warmPool.poolState', { warmPool: { poolState: 'hibernated' } }, '"hibernated"', /"stopped", "running"/],
  ['warmPool.reuseOnScaleIn', { warmPool: { reuseOnScaleIn: true } }, 'not a prop', /minSize/],
  ['spotShare', { warmPool: {}, spotShare: 50 }, '50', /0 with a warmPool/],
  ['bootBudget', { bootBudget: Duration.hours(3) }, '3 hours', /between 30 seconds and 2 hours/],
  ['noticeInterval', { noticeInterval: Duration.minutes(2) }, '2 minutes', /1 minute/],
  ['cancelInterval', { cancelInterval: Duration.hours(2) }, '2 hours', /1 hour/],
  ['encryptionKeys.table', { encryptionKeys: { table: 'alias/mine' } }, '"alias/mine"', /an IKey/],
  ['encryptionKeys.logs', { encryptionKeys: { logs: 1 } }, 'not a prop', /queues, table, logBucket/],
  ['removalPolicy', { removalPolicy: 'snapshot' }, '"snapshot"', /"retain"/],
  ['securityGroups', { securityGroups: [] }, '[]', /a list of 1 to 5 ISecurityGroups/],
  ['securityGroups', { securityGroups: ['sg-1'] }, '["sg-1"]', /ISecurityGroups/],
  ['allowAllIpv6Outbound', { allowAllIpv6Outbound: '::/0' }, '"::/0"', /true or false/],
  [
    'allowAllIpv6Outbound',
    { allowAllIpv6Outbound: true, securityGroups: [{ securityGroupId: 'sg-1' }] },
    'true',
    /only without securityGroups/,
  ],
  ['vpc', { vpc: 'vpc-1234' }, '"vpc-1234"', /an IVpc/],
  ['maxCapactiy', { maxCapactiy: 3 }, 'not a prop', /maxCapacity/],
];

describe('a prop that cannot be deployed', () => {
  it.each(refused)('%s is refused (case %#)', (key, props, shown, allowed) => {
    let refusal: unknown;
    try {
      settings(props);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(FleetPropsError);
    const { message } = refusal as FleetPropsError;
    expect(message).toContain(`WorkerFleet: ${key} is ${shown}`);
    expect(message.slice(message.indexOf('; allowed: '))).toMatch(allowed);
  });

  it('is refused for types of two architectures', () => {
    const instanceTypes = [new InstanceType('m7g.large'), new InstanceType('m7i.large')];
    expect(() => settings({ instanceTypes })).toThrow(/instanceTypes is .*; allowed: .*one architecture/);
  });

  it('is refused for an id that is no name', () => {
    expect(() => settings({}, 'my fleet')).toThrow(
      /fleetName \(by default the construct's id\) is "my fleet"/,
    );
    expect(settings({ fleetName: 'my-fleet' }, 'my fleet').name).toBe('my-fleet');
  });
});

describe('limit and grace together', () => {
  it.each([
    [Duration.hours(12), Duration.seconds(0), true],
    [Duration.hours(12), undefined, false],
    [Duration.hours(11), Duration.hours(1), true],
    [Duration.millis(43_199_500), Duration.seconds(1), false],
  ])('%s and %s: %s', (limit, grace, fits) => {
    const given = () => settings({ limit, grace });
    if (fits) expect(given).not.toThrow();
    else expect(given).toThrow(/limit plus grace is [\d.]+ seconds; allowed: at most 12 hours/);
  });
});

describe('the backoff before a job is tried again', () => {
  it.each([
    [undefined, [120, 5, 900]],
    [{ longest: Duration.minutes(1) }, [60, 5, 60]],
    [{ first: Duration.hours(1), factor: 2 }, [3600, 2, 3600]],
    [{ first: Duration.seconds(1), factor: 3, longest: Duration.hours(1) }, [1, 3, 3600]],
  ])('%j comes to first, factor and longest %j', (retryBackoff, [firstSeconds, factor, longestSeconds]) => {
    expect(settings({ retryBackoff }).retryBackoff).toEqual({ firstSeconds, factor, longestSeconds });
  });
});

describe('the groups of a fleet', () => {
  it('have one lane, and health checks that may take as long as a job', () => {
    expect(settings({}).groups).toEqual({
      lanes: 1,
      maxLanes: 100,
      checkLimitSeconds: 3600,
      notNowLimitSeconds: 1800,
    });
    expect(settings({ limit: Duration.hours(2) }).groups.checkLimitSeconds).toBe(7200);
    expect(settings({ maxLimit: Duration.hours(3) }).groups.checkLimitSeconds).toBe(10_800);
  });

  it('may have a share of their size for lanes', () => {
    expect(settings({ groups: { lanes: '25%', maxLanes: 10 } }).groups).toMatchObject({ lanes: '25%' });
  });
});

describe('the retention of records', () => {
  it.each([
    [Duration.days(14), true, true],
    [Duration.seconds(14 * 86_400 - 1), true, false],
    [Duration.seconds(0), undefined, false],
    [Duration.seconds(0), false, true],
  ])('of %s, jobs tracked: %s, is allowed: %s', (recordRetention, trackJobs, allowed) => {
    const given = () => settings({ recordRetention, ...(trackJobs !== undefined && { trackJobs }) });
    if (allowed) expect(given).not.toThrow();
    else expect(given).toThrow(/recordRetention is .*; allowed: at least 14 days, .* would run again/);
  });
});

describe('the worker directory', () => {
  const fleet = (props: WorkerFleetProps) => () => new WorkerFleet(new Stack(), 'Fleet', props);

  it.each<[string, WorkerFleetProps, RegExp]>([
    [
      'is not there',
      { workerDirectory: './no-such' },
      /workerDirectory is "\.\/no-such"; allowed: a directory/,
    ],
    ['lacks the check', { instanceCheck: ['./missing'] }, /instanceCheck is \["\.\/missing"\].*no .*missing/],
    [
      'lacks a named command',
      { commands: { healthy: ['./hello'], undo: ['./missing', '-v'] } },
      /commands\.undo is \["\.\/missing","-v"\].*no .*missing/,
    ],
    ['is a file', { workerDirectory: 'package.json' }, /workerDirectory is "package.json"/],
    ['lacks the program', { command: ['./missing'] }, /command is \["\.\/missing"\].*no .*missing/],
    [
      'has it, but not executable',
      { workerDirectory: '.', command: ['./package.json'] },
      /executable file \(chmod \+x/,
    ],
  ])('is refused when it %s', (_, props, message) => {
    expect(fleet(props)).toThrow(message);
  });
});

describe('two fleets with one name', () => {
  const named = (scope: Construct, id: string, fleetName?: string) => () =>
    new WorkerFleet(scope, id, { ...(fleetName && { fleetName }) });

  it('are refused in a stack, where they would have one parameter', () => {
    const stack = new Stack(undefined, 'Test');
    named(stack, 'First', 'pictures')();
    expect(named(new Construct(stack, 'Inner'), 'Second', 'pictures')).toThrow(
      'WorkerFleet Test/Inner/Second: fleetName is "pictures"; allowed: a name that no other fleet of the stack has ' +
        '(WorkerFleet Test/First has this one)',
    );
    expect(named(stack, 'Third')).not.toThrow();
  });

  it('are allowed in two stacks', () => {
    const app = new App();
    for (const id of ['One', 'Other']) expect(named(new Stack(app, id), 'Fleet')).not.toThrow();
  });
});

describe('the machine image', () => {
  const from = (machineImage: IMachineImage, bakedImage = false) => {
    const stack = new Stack(new App(), 'Test', { env: { account: '123456789012', region: 'eu-west-1' } });
    new WorkerFleet(stack, 'Fleet', { machineImage, bakedImage });
    return stack;
  };
  const ECS = '/aws/service/ecs/optimized-ami/amazon-linux';

  it.each<[string, IMachineImage, RegExp]>([
    [
      'Windows',
      MachineImage.latestWindows(WindowsVersion.WINDOWS_SERVER_2022_ENGLISH_FULL_BASE),
      /a Windows image/,
    ],
    ['Windows by its id', MachineImage.genericWindows({ 'eu-west-1': 'ami-1' }), /a Windows image/],
    ['Amazon Linux 2', MachineImage.latestAmazonLinux2(), /Amazon Linux 2 or older \(\S*amzn2-ami-/],
    [
      'Amazon Linux 2 at launch',
      MachineImage.resolveSsmParameterAtLaunch(
        '/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-arm64-gp2',
      ),
      /Amazon Linux 2/,
    ],
    [
      'Amazon Linux 2 of ECS',
      MachineImage.fromSsmParameter(`${ECS}-2/recommended/image_id`),
      /Amazon Linux 2/,
    ],
    ['Amazon Linux 1 of ECS', MachineImage.fromSsmParameter(`${ECS}/recommended/image_id`), /or older/],
  ])('of %s is refused, baked or not', (_, image, is) => {
    for (const baked of [false, true]) {
      const making = () => from(image, baked);
      expect(making).toThrow(is);
      expect(making).toThrow(/machineImage is .*; allowed: an image with cloud-init, systemd from 252/);
    }
  });

  it.each<[string, IMachineImage]>([
    ['Amazon Linux 2023', MachineImage.latestAmazonLinux2023()],
    ['Amazon Linux 2023 of ECS', MachineImage.fromSsmParameter(`${ECS}-2023/recommended/image_id`)],
    ['Debian', MachineImage.fromSsmParameter('/aws/service/debian/release/12/latest/amd64')],
    ['an id', MachineImage.genericLinux({ 'eu-west-1': 'ami-1' })],
  ])('of %s is accepted, with one parameter at most', (_, image) => {
    const parameters = Template.fromStack(from(image)).findParameters('*', {
      Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>',
    });
    expect(Object.keys(parameters).length).toBeLessThan(2);
  });
});
