import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AGENT_JSON, type Answers, FakeMachine, refusal } from '../support/fake-machine.ts';

const RETIRE = '/usr/local/sbin/mayfly-retire';
const FAILED = { ActiveState: 'failed', Result: 'exit-code', ExecMainStatus: 1, NRestarts: 5 };
const STOPPED = { ActiveState: 'inactive', Result: 'success' };

let machine: FakeMachine;
beforeEach(() => {
  machine = new FakeMachine();
});
afterEach(() => machine.remove());

const retire = (answers: Answers) => machine.run(RETIRE, answers);
const retirement = (reason: string) =>
  JSON.stringify({ instance: 'i-1', reason, rung: 'terminate', tries: 1 });

/** The record that was written last. */
const record = () => JSON.parse(machine.read('/body')) as RecordUpdate;
interface RecordUpdate {
  Key: unknown;
  UpdateExpression: string;
  ExpressionAttributeValues: Values;
}
interface Values {
  ':retirement': { M: Record<string, { S?: string; N?: string }> };
  ':listing': { S: string };
}

/** The first command to switch off, which works even if something holds a shutdown lock. */
const OFF = 'systemctl start --no-block --job-mode=replace-irreversibly poweroff.target';

/** The calls that end an instance if none fails. A real machine switches off at the first command. */
const AN_END = [
  'systemctl stop --no-block mayfly-agent.service',
  expect.stringMatching(
    /^PutObject https:\/\/s3\.us-east-1\.amazonaws\.com\/logs\/instances\/i-1\/\d{4}-.*Z-.*\.log$/,
  ),
  'UpdateItem',
  'CompleteLifecycleAction launch',
  'TerminateInstanceInAutoScalingGroup true',
  'UpdateItem',
  'CompleteLifecycleAction termination',
  OFF,
  'systemctl poweroff --force',
  'systemctl poweroff --force --force',
];

describe('an instance stays', () => {
  it.each([
    ['works', { ActiveState: 'active' }],
    ['drains', { ActiveState: 'deactivating' }],
    ['starts', { ActiveState: 'activating' }],
    [
      'will be restarted: OnFailure= fires then too from systemd 254 on',
      { ActiveState: 'activating', Result: 'exit-code' },
    ],
    ['was stopped by hand', STOPPED],
  ])('whose agent %s', async (_, agent) => {
    expect(await retire({ agent })).toMatchObject({ status: 0, calls: [] });
  });

  it('whose agent was stopped by hand and recorded it', async () => {
    machine.put('/var/lib/mayfly/retirement.json', retirement('stopped'));
    expect((await retire({ agent: STOPPED })).calls).toEqual([]);
  });

  it('whose agent started after all, and was stopped by hand later', async () => {
    machine.put('/run/mayfly-boot/deadman', 'boot-failed the agent has been starting for 900 s\n');
    expect((await retire({ agent: { ActiveState: 'active' } })).calls).toEqual([]);
    expect((await retire({ agent: STOPPED })).calls).toEqual([]);
  });

  it('whose agent drains, although its boot has failed: this is decided again when the agent has ended', async () => {
    machine.put('/var/lib/mayfly-boot/boot-failed', 'boot-failed could not run the playbook\n');
    expect((await retire({ agent: { ActiveState: 'deactivating' } })).calls).toEqual([]);
  });
});

describe('an instance is switched off at once', () => {
  it('whose agent has retired by itself', async () => {
    machine.put('/var/lib/mayfly/retirement.json', retirement('idle'));
    const { calls } = await retire({ agent: STOPPED });
    expect(calls).toEqual(AN_END.slice(-3));
  });
});

describe('an instance ends', () => {
  it.each<[string, string, string, Answers, (machine: FakeMachine) => void]>([
    [
      'whose agent failed for good',
      'agent-crashed',
      'exit-code, status 1, 5 restarts: its last words are "ü"$',
      { agent: FAILED },
      (m) =>
        m
          .put('/var/lib/mayfly/ready.json', '{}')
          .put('/var/lib/mayfly/last-words', 'its last words are "ü"\nand no more\n'),
    ],
    [
      'whose agent was never ready',
      'boot-failed',
      'exit-code, status 1, 5 restarts$',
      { agent: FAILED },
      () => {},
    ],
    [
      'whose boot failed',
      'boot-failed',
      'could not fetch the tree',
      { agent: { ActiveState: 'inactive' } },
      (m) => m.put('/var/lib/mayfly-boot/boot-failed', 'boot-failed could not fetch the tree (status 1)\n'),
    ],
    [
      "that the dead man's timer has ended",
      'stopped',
      'by hand 901 s ago',
      { agent: STOPPED },
      (m) => m.put('/run/mayfly-boot/deadman', 'stopped the agent was stopped by hand 901 s ago\n'),
    ],
    [
      'that hangs at every start',
      'agent-crashed',
      'has been starting',
      { agent: { ActiveState: 'activating' } },
      (m) => m.put('/run/mayfly-boot/deadman', 'agent-crashed the agent has been starting for 900 s\n'),
    ],
    [
      'whose end has begun, whatever its agent does now',
      'agent-crashed',
      'failed before: it had no bed$',
      { agent: { ActiveState: 'active' } },
      (m) =>
        m
          .put('/run/mayfly-boot/retiring', 'agent-crashed the agent failed before: it had no bed\n')
          .put('/var/lib/mayfly/last-words', 'it had no bed\n'),
    ],
  ])('%s', async (_, reason, why, answers, prepare) => {
    prepare(machine);
    const { calls, status, output } = await retire(answers);
    expect(calls, output).toEqual(AN_END);
    // systemd starts it again ten seconds later, up to its start limit.
    expect(status).toBe(1);
    expect(machine.read('/run/mayfly-boot/retiring')).toMatch(new RegExp(`^${reason} .*${why}`, 'm'));
    const { Key, UpdateExpression, ExpressionAttributeValues: values } = record();
    expect(Key).toEqual({ pk: { S: 'instance#i-1' } });
    expect(values[':listing']).toEqual({ S: 'instances' });
    // Its keys in both indexes.
    expect(UpdateExpression).toMatch(
      /#listing = :listing, #listed = :listing, #listedAt = if_not_exists\(#listedAt, :instance\)$/,
    );
    expect(values[':retirement'].M).toMatchObject({
      reason: { S: reason },
      rung: { S: 'terminate' },
      tries: { N: '1' },
      problem: { S: expect.stringMatching(why) },
      jobsDone: { N: '0' },
      idleSeconds: { N: '0' },
    });
    expect(values[':retirement'].M).not.toHaveProperty('lastError');
  });

  it('and saves its journal and the output of user-data and the set-up in the bucket', async () => {
    machine
      .put('/var/log/cloud-init-output.log', 'from user-data\n')
      .put('/var/log/mayfly-setup.log', 'from the set-up\n');
    await retire({ agent: FAILED });
    expect(machine.read('/run/mayfly-boot/log')).toBe(
      'the journal\n\n== cloud-init-output.log\nfrom user-data\n\n== mayfly-setup.log\nfrom the set-up\n',
    );
  });

  it('without table and log bucket as well', async () => {
    machine.put('/etc/mayfly/agent.json', '{"launchHook": "launch"}');
    expect((await retire({ agent: FAILED })).calls.slice(1, 3)).toEqual([
      'CompleteLifecycleAction launch',
      'TerminateInstanceInAutoScalingGroup true',
    ]);
  });

  it('by switching off, if the metadata service does not answer', async () => {
    const { calls, sleptSeconds } = await retire({ agent: FAILED, metadata: false });
    expect(calls).toEqual([AN_END[0], ...AN_END.slice(-3)]);
    // Two and a half minutes at most: 75 s of pauses and six tries of ten seconds. Then three minutes to switch off.
    expect(sleptSeconds).toBe(75 + 3 * 180);
  });
});

const TOO_FEW = refusal(
  'ValidationError',
  'Terminating instance without replacement will violate the min size constraint.',
);
const rungs = (calls: string[]) => [
  ...new Set(calls.filter((call) => /^(Terminate|SetInst)|poweroff\.target$/.test(call))),
];
const last = () => record().ExpressionAttributeValues[':retirement'].M;

describe('the escalation', () => {
  it('continues without decrement at the group’s minimum, as a broken instance is replaced', async () => {
    const { calls } = await retire({
      agent: FAILED,
      aws: `case "$call" in Terminate*true) ${TOO_FEW} ;; esac`,
    });
    expect(rungs(calls)).toEqual([
      'TerminateInstanceInAutoScalingGroup true',
      'TerminateInstanceInAutoScalingGroup false',
      OFF,
    ]);
    expect(last()).toMatchObject({ rung: { S: 'terminate-without-decrement' }, tries: { N: '2' } });
    expect(last()['lastError']?.S).toMatch(/^ValidationError: Terminating instance/);
  });

  it.each([
    ['access is denied', refusal('AccessDenied', 'User is not authorized'), ['Unhealthy', 'poweroff']],
    [
      'the instance is in a warm pool',
      refusal('ValidationError', 'not in the right state'),
      ['Unhealthy', 'poweroff'],
    ],
    [
      'the group does not have it',
      refusal('ValidationError', 'Instance Id not found - No managed instance found'),
      ['poweroff'],
    ],
  ])('continues with the next step at once if %s', async (_, no, below) => {
    const { calls } = await retire({ agent: FAILED, aws: `case "$action" in Term* | SetI*) ${no} ;; esac` });
    expect(rungs(calls)).toEqual([
      'TerminateInstanceInAutoScalingGroup true',
      ...below.map((rung) => (rung === 'poweroff' ? OFF : `SetInstanceHealth ${rung}`)),
    ]);
    expect(last()).toMatchObject({ rung: { S: 'power-off' } });
  });

  it('retries while AWS throttles, fails or cannot be reached, and records the error', async () => {
    const aws = `case "$action" in Term*)
      n=$(grep -c Term "$MAYFLY_ROOT/calls")
      [ "$n" -ne 1 ] || { ${refusal('Throttling', 'Rate exceeded')}; }
      [ "$n" -ne 2 ] || { echo 'curl: (28) Connection timed out' >&2; exit 28; }
      [ "$n" -ne 3 ] || { ${refusal('InternalFailure', 'try later')}; } ;;
    esac`;
    const { calls } = await retire({ agent: FAILED, aws });
    expect(rungs(calls)).toEqual(['TerminateInstanceInAutoScalingGroup true', OFF]);
    expect(last()).toMatchObject({ rung: { S: 'terminate' }, tries: { N: '4' } });
    expect(last()['lastError']?.S).toMatch(/InternalFailure: try later/);
  });

  it('spends three quarters of its budget on terminate calls, the rest on setting the health, then switches off', async () => {
    const retirement = { ladderSeconds: 120 };
    machine.put('/etc/mayfly/agent.json', JSON.stringify({ ...AGENT_JSON, retirement }));
    const aws = `case "$action" in Term* | SetI*) echo "$action $(cut -d. -f1 "$MAYFLY_ROOT/proc/uptime")" >>"$MAYFLY_ROOT/at"
      ${refusal('ServiceUnavailable', 'down')} ;; esac`;
    const { calls } = await retire({ agent: FAILED, aws });
    expect(rungs(calls)).toEqual([
      'TerminateInstanceInAutoScalingGroup true',
      'SetInstanceHealth Unhealthy',
      OFF,
    ]);
    const at = machine
      .read('/at')
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]);
    const [began = 0] = at.map(([, second]) => Number(second));
    const firstUnhealthy = at.find(([action]) => action.startsWith('SetI'));
    expect(Number(firstUnhealthy?.[1]) - began).toBeGreaterThanOrEqual(90);
    expect(Number(at.at(-1)?.[1]) - began).toBeLessThan(120 + 61);
    // So few that they do not increase an overload.
    expect(calls.length).toBeLessThan(30);
  });

  it('counts a call without an answer as accepted if Auto Scaling already terminates the instance', async () => {
    machine.put('/target', 'Terminated');
    const { calls } = await retire({
      agent: FAILED,
      aws: `case "$action" in Term*) ${refusal('ScalingActivityInProgress', 'in progress')} ;; esac`,
    });
    expect(calls).toEqual(AN_END);
  });

  it('waits for the wait state of the hook, at most two minutes of pauses', async () => {
    const none = refusal('ValidationError', 'No active Lifecycle Action found with instance ID i-1');
    const { calls, sleptSeconds } = await retire({
      agent: FAILED,
      aws: `case "$action" in Complete*) ${none} ;; esac`,
    });
    expect(calls.filter((call) => call === 'CompleteLifecycleAction launch')).toHaveLength(1);
    expect(calls.filter((call) => call === 'CompleteLifecycleAction termination')).toHaveLength(24);
    expect(sleptSeconds).toBe(23 * 5 + 3 * 180);
  });

  it('does not wait for a table, a bucket or hooks that do not answer', async () => {
    const aws = 'case "$action" in Term*) ;; *) echo broken; exit 22 ;; esac';
    const { calls, sleptSeconds } = await retire({ agent: FAILED, aws });
    expect(rungs(calls)).toEqual(['TerminateInstanceInAutoScalingGroup true', OFF]);
    expect(calls.filter((call) => call.startsWith('PutObject'))).toHaveLength(3);
    expect(calls.filter((call) => call === 'UpdateItem')).toHaveLength(6);
    expect(sleptSeconds).toBeLessThan(200 + 3 * 180);
  });
});

describe('credentials', () => {
  it('reach curl through its standard input, and are in no argument and no environment', async () => {
    const spy = 'case "$*$(env)" in *SECRET* | *TOKEN*) echo LEAKED >>"$MAYFLY_ROOT/calls" ;; esac\n';
    const { calls } = await retire({ agent: FAILED, aws: spy });
    expect(calls).toEqual(AN_END);
  });
});
