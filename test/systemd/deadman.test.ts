import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answers, FakeMachine } from '../support/fake-machine.ts';

const DEADMAN = '/usr/local/sbin/mayfly-deadman';
const RETIRES = ['systemctl start --no-block mayfly-retire.service'];

/** The defaults of the script. The unit's drop-in has the fleet's values. */
const BUDGET = 900;
const STOP_GRACE = 900;

let machine: FakeMachine;
beforeEach(() => {
  machine = new FakeMachine();
});
afterEach(() => machine.remove());

interface Case {
  /** The state of the agent. */
  state: string;
  /** Of the machine, in seconds since power-on. */
  uptime: number;
  prepare?: (machine: FakeMachine) => unknown;
  /** When systemd started the agent and saw it end, in seconds since power-on. */
  startedAt?: number;
  endedAt?: number;
}

const look = ({ state, uptime, prepare, startedAt = 0, endedAt = 0 }: Case, answers: Answers = {}) => {
  prepare?.(machine);
  const agent = {
    ActiveState: state,
    InactiveEnterTimestampMonotonic: endedAt * 1_000_000,
    ExecMainStartTimestampMonotonic: startedAt * 1_000_000,
  };
  return machine.run(DEADMAN, { agent, uptime, ...answers });
};

const booted = (m: FakeMachine) => m.put('/var/lib/mayfly-boot/booted', 'key\n');
/** The boot script runs: its pid is that of this process. */
const bootRuns = (m: FakeMachine) => m.put('/run/mayfly-boot/booting', `${process.pid}\n`);
const bootEnded = (m: FakeMachine) => m.put('/run/mayfly-boot/booting', '99999999\n');
const startedAgain = (m: FakeMachine) =>
  m.put('/run/cloud-init/result.json', '{}').put('/var/lib/mayfly/ready.json', '{}');
const retired = (reason: string) => (m: FakeMachine) =>
  booted(m).put('/var/lib/mayfly/retirement.json', JSON.stringify({ reason }));

describe("the dead man's timer does nothing for a machine", () => {
  it.each<[string, Case]>([
    ['whose agent works', { state: 'active', uptime: 1e6 }],
    ['whose agent reloads', { state: 'reloading', uptime: 1e6 }],
    ['whose agent stops, which systemd limits', { state: 'deactivating', uptime: 1e6 }],
    ['that boots, within its budget', { state: 'inactive', uptime: BUDGET - 1, prepare: bootRuns }],
    ['whose cloud-init has not come to the boot script yet', { state: 'inactive', uptime: 299 }],
    ['whose agent starts, within the budget', { state: 'activating', uptime: BUDGET - 1 }],
    [
      'whose agent is restarted, and worked some time ago',
      {
        state: 'activating',
        uptime: 5000 + BUDGET - 1,
        prepare: (m) => booted(m).put('/run/mayfly-boot/alive', '5000\n'),
      },
    ],
    [
      'that was switched off during its boot after its agent was ready, and has the time to start it',
      { state: 'inactive', uptime: 200, prepare: startedAgain },
    ],
    [
      'that was switched off during its boot, and whose agent has run since and was stopped by hand before it was ready',
      {
        state: 'inactive',
        uptime: 100 + STOP_GRACE - 1,
        startedAt: 90,
        endedAt: 100,
        prepare: (m) => m.put('/run/cloud-init/result.json', '{}'),
      },
    ],
    [
      'whose agent was stopped by hand some time ago',
      { state: 'inactive', uptime: 5000 + STOP_GRACE - 1, endedAt: 5000, prepare: booted },
    ],
    [
      'whose agent was stopped by hand, and recorded it',
      { state: 'inactive', uptime: 5000 + STOP_GRACE - 1, endedAt: 5000, prepare: retired('stopped') },
    ],
  ])('%s', async (_, situation) => {
    expect(await look(situation)).toMatchObject({ status: 0, calls: [] });
  });

  it('that is being ended already', async () => {
    const { calls } = await look({ state: 'failed', uptime: 1e6, prepare: booted }, { retire: 'activating' });
    expect(calls).toEqual([]);
  });
});

describe("the dead man's timer has a machine ended", () => {
  it.each<[string, Case, string | undefined]>([
    [
      'whose boot hangs',
      { state: 'inactive', uptime: BUDGET, prepare: bootRuns },
      'boot-failed the boot has not finished after 900 s',
    ],
    [
      'whose boot failed and recorded why',
      {
        state: 'inactive',
        uptime: 100,
        prepare: (m) => bootEnded(m).put('/var/lib/mayfly-boot/boot-failed', 'boot-failed could not\n'),
      },
      undefined,
    ],
    [
      'whose boot failed without a record, as on a full disk',
      {
        state: 'inactive',
        uptime: 100,
        prepare: (m) => bootEnded(m).put('/var/lib/mayfly-boot/boot-failed', ''),
      },
      'boot-failed the boot ended early and recorded no reason',
    ],
    [
      'that cloud-init never set up',
      { state: 'inactive', uptime: 300 },
      'boot-failed the machine was restarted during its boot',
    ],
    [
      'that was restarted during its boot, as soon as cloud-init has ended',
      { state: 'inactive', uptime: 20, prepare: (m) => m.put('/run/cloud-init/result.json', '{}') },
      'boot-failed the machine was restarted during its boot',
    ],
    [
      'that was restarted after its boot had failed, although its agent was ready',
      {
        state: 'inactive',
        uptime: 200,
        prepare: (m) => startedAgain(m).put('/var/lib/mayfly-boot/boot-failed', 'boot-failed it could not\n'),
      },
      'boot-failed the machine was restarted during its boot',
    ],
    [
      'whose agent never starts',
      { state: 'activating', uptime: BUDGET },
      'boot-failed the agent has been starting for 900 s',
    ],
    [
      'whose agent does not start any more',
      {
        state: 'activating',
        uptime: 5000 + BUDGET,
        prepare: (m) =>
          booted(m).put('/run/mayfly-boot/alive', '5000\n').put('/var/lib/mayfly/ready.json', '{}'),
      },
      'agent-crashed the agent has been starting for 900 s',
    ],
    [
      'whose agent failed, if systemd did not start mayfly-retire',
      { state: 'failed', uptime: 5000, prepare: booted },
      undefined,
    ],
    [
      'whose agent retired, if systemd did not start mayfly-retire',
      { state: 'inactive', uptime: 5000, prepare: retired('idle') },
      undefined,
    ],
    [
      'whose agent was stopped by hand too long ago',
      { state: 'inactive', uptime: 5000 + STOP_GRACE, endedAt: 5000, prepare: booted },
      'stopped the agent was stopped by hand 900 s ago',
    ],
    [
      'whose agent did not start after a reboot',
      { state: 'inactive', uptime: STOP_GRACE, prepare: booted },
      'stopped the agent was stopped by hand 900 s ago',
    ],
    ['whose agent’s state systemd does not report', { state: '', uptime: 5000, prepare: booted }, undefined],
  ])('%s', async (_, situation, word) => {
    const { calls, output } = await look(situation);
    expect(calls, output).toEqual(RETIRES);
    const left = () => machine.read('/run/mayfly-boot/deadman').trim();
    if (word === undefined) expect(left).toThrow('ENOENT');
    else expect(left()).toBe(word);
  });
});

describe('an agent that stops', () => {
  it('may take hours, and has the same time as any other to start again', async () => {
    machine.put('/run/mayfly-boot/alive', '100\n');
    await look({ state: 'deactivating', uptime: 40_000, prepare: booted });
    expect(await look({ state: 'activating', uptime: 40_060 })).toMatchObject({ calls: [] });
  });
});

describe('a fleet that keeps no instance with a stopped agent', () => {
  const env = { MAYFLY_STOP_SECONDS: '0' };

  it('waits for one that has not started yet after a reboot', async () => {
    const rebooted = { state: 'inactive', uptime: 299, prepare: booted };
    expect(await look(rebooted, { env })).toMatchObject({ calls: [] });
    expect(await look({ ...rebooted, uptime: 300 }, { env })).toMatchObject({ calls: RETIRES });
  });

  it('ends a machine at the first check after its agent was stopped', async () => {
    const { calls } = await look({ state: 'inactive', uptime: 60, endedAt: 60, prepare: booted }, { env });
    expect(calls).toEqual(RETIRES);
  });
});

describe('a working agent', () => {
  it('is recorded, and removes an earlier reason', async () => {
    machine.put('/run/mayfly-boot/deadman', 'agent-crashed it seemed\n');
    await look({ state: 'active', uptime: 4711 });
    expect(machine.read('/run/mayfly-boot/alive')).toBe('4711\n');
    expect(() => machine.read('/run/mayfly-boot/deadman')).toThrow('ENOENT');
  });
});

describe('time', () => {
  it('is counted from the start of systemd, because a machine may be a container of an old host', async () => {
    bootRuns(machine);
    const systemctl = `case "$*" in
      *Userspace*) echo UserspaceTimestampMonotonic=1000000000000 ;;
      show*retire*) echo ActiveState=inactive ;;
      show*) echo ActiveState=inactive ;;
      *) echo "systemctl $*" >>"$MAYFLY_ROOT/calls" ;;
    esac`;
    const at = (uptime: number) => machine.run(DEADMAN, { uptime, programs: { systemctl } });
    expect((await at(1_000_000 + BUDGET - 1)).calls).toEqual([]);
    expect((await at(1_000_000 + BUDGET)).calls).toEqual(RETIRES);
  });

  it("limits are the fleet's", async () => {
    bootRuns(machine);
    const programs = { timeout: 'shift; exec "$@"' };
    machine.put(
      '/usr/local/sbin/quick',
      'MAYFLY_BOOT_SECONDS=30; . "$MAYFLY_ROOT/usr/local/sbin/mayfly-deadman"\n',
    );
    const { calls } = await machine.run('/usr/local/sbin/quick', {
      agent: { ActiveState: 'inactive' },
      uptime: 30,
      programs,
    });
    expect(calls).toEqual(RETIRES);
  });
});
