import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { Size } from 'aws-cdk-lib';
import { expect, onTestFinished, test } from 'vitest';
import { IsolatingRunner } from '../../agent/isolating-runner.ts';
import type { Run } from '../../agent/runner.ts';
import { systemClock } from '../../aws/clock.ts';
import { settingsOf } from '../../infra/settings.ts';
import { slotSettings } from '../../infra/unit-settings.ts';
import type { Machine } from '../../local/machines/machine.ts';
import { listening, printed } from '../agent/runner-kinds.ts';
import { eventually } from '../support/eventually.ts';
import { type Lab, labs } from './support/lab.ts';

const start = labs();

const SYSTEMD = join(import.meta.dirname, '../../systemd');
const WORKERS = 'mayfly-worker';
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' };

/** A machine with nothing of ours but the slots, of which this process is the agent: over a socket that both see. */
async function boot(lab: Lab): Promise<Machine> {
  const { shared } = lab;
  await cp(SYSTEMD, join(shared, 'systemd'), { recursive: true });
  await cp(process.execPath, join(shared, 'node'));
  const props = { workerMemory: Size.mebibytes(512), workerCpu: 0.5, workerTasks: 300 };
  const limits = slotSettings(settingsOf('WorkerFleet', 'Fleet', props)).join('\\n');
  const units = '/etc/systemd/system';
  const [machine] = await lab.launch(`
    useradd --system mayfly-agent
    useradd --system --create-home --home-dir /var/lib/${WORKERS} ${WORKERS}
    mkdir -p /opt/mayfly/tree/worker ${units}/mayfly-slot@.service.d ${units}/mayfly-slot.socket.d
    install -m 755 /mnt/shared/node /usr/local/bin/node
    cp -r /mnt/shared/systemd /opt/mayfly/tree/
    cp /mnt/shared/systemd/mayfly-slot.socket /mnt/shared/systemd/mayfly-slot@.service ${units}/
    printf '%b\\n' '${limits}' > ${units}/mayfly-slot@.service.d/fleet.conf
    printf '[Socket]\\nListenStream=/mnt/shared/slot.sock\\n' > ${units}/mayfly-slot.socket.d/test.conf
    systemctl daemon-reload
    systemctl start mayfly-slot.socket`);
  if (!machine) throw new Error('nothing was launched');
  return lab.booted(machine);
}

/** Runs shell scripts in the slots of a machine. */
async function agentOf(lab: Lab) {
  const isolating = new IsolatingRunner({
    socket: join(lab.shared, 'slot.sock'),
    slots: 1,
    command: ['bash', '-c'],
    environment: ENVIRONMENT,
    directory: '/opt/mayfly/tree/worker',
    clock: systemClock,
  });
  const runner = listening(isolating);
  onTestFinished(() => runner.close());
  await runner.check();
  const begin = (script: string): Run => runner.start({ stdin: 'input', argument: script, variables: {} });
  /** What it prints, in the order in which it does. */
  const output = async (script: string) => {
    const run = begin(`exec 2>&1; ${script}`);
    const end = await run.ended;
    return end.kind === 'not-started' ? end.reason : printed(run);
  };
  return { runner, begin, output };
}

const slotsOf = async (machine: Machine) => {
  const { stdout } = await machine.run('systemctl', 'list-units', '--plain', '--no-legend', 'mayfly-slot@*');
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ', 1)[0] ?? '');
};

test('programs of all kinds run in a slot, and none gets at what is not its own', async () => {
  const lab = await start();
  const machine = await boot(lab);
  const { output } = await agentOf(lab);
  expect(await output('id -un; pwd; echo $HOME; cat /dev/stdin; echo anew > /dev/stderr')).toBe(
    `${WORKERS}\n/opt/mayfly/tree/worker\n/var/lib/${WORKERS}\ninputanew\n`,
  );
  const compiled = 'let n = 0; for (let i = 0; i < 1e7; i++) n = (n + i) % 1000; console.log(n)';
  expect(await output(`node -e '${compiled}'`)).toBe('0\n');
  expect(await output('java -Xshare:auto -version')).toMatch(/64-Bit Server VM/);
  expect(
    await output('python3 -c "import ctypes, multiprocessing as m; print(m.Pool(2).map(abs, [-1, -2]))"'),
  ).toBe('[1, 2]\n');
  // A browser's own sandbox is made of these.
  expect(await output('unshare --user --map-root-user id -u')).toBe('0\n');
  expect(await output('touch ~/kept; echo $?')).toBe('0\n');

  expect(await output('sudo -n true; su -c true; echo over')).toMatch(/no new privileges[\s\S]*over\n$/);
  expect(await output('touch /usr/bin/x /etc/x /opt/mayfly/tree/x; echo over')).toMatch(
    /^(touch: .*\n){3}over\n$/,
  );
  expect(
    await output('python3 -c "import socket; socket.socket(1).connect(\\"/run/mayfly/slot.sock\\")"'),
  ).toMatch(/PermissionError/);
  expect(await output('cat /proc/$PPID/environ /proc/1/environ')).toMatch(/^(cat: .*\n){2}$/);
  expect(await output('curl -sS -m 2 http://169.254.169.254/; echo $?')).toMatch(/timed out[\s\S]*28\n$/);
  const datagram = 'import socket; socket.socket(2, 2).sendto(b"", ("169.254.169.254", 80))';
  expect(await output(`python3 -c '${datagram}'`)).toMatch(/Operation not permitted/);

  expect(await output('echo x > /tmp/left; echo x > /dev/shm/left; mkdir /var/tmp/left')).toBe('');
  expect(await output('ls -A /tmp /var/tmp /dev/shm')).toBe('/dev/shm:\n\n/tmp:\n\n/var/tmp:\n');
  expect((await machine.run('ls', '/tmp', '/dev/shm')).stdout).not.toContain('left');
  expect(await slotsOf(machine)).toHaveLength(1);
});

test('a slot has its limits, and nothing of a job is left when it is over or the slot is lost', async () => {
  const lab = await start();
  const machine = await boot(lab);
  const { runner, begin, output } = await agentOf(lab);
  const [unit = ''] = await slotsOf(machine);
  const shown = await machine.run(
    ...[
      'systemctl',
      'show',
      unit,
      '--property=MemoryMax,MemorySwapMax,CPUQuotaPerSecUSec,TasksMax,OOMPolicy,OOMScoreAdjust,User',
    ],
  );
  expect(shown.stdout.trim().split('\n').toSorted()).toEqual([
    'CPUQuotaPerSecUSec=500ms',
    `MemoryMax=${512 * 1024 ** 2}`,
    'MemorySwapMax=0',
    'OOMPolicy=continue',
    // As set: not every host of this lab may lower it.
    'OOMScoreAdjust=-900',
    'TasksMax=300',
    `User=${WORKERS}`,
  ]);
  const processes = async () => {
    const { stdout } = await machine.run('pgrep', '--list-full', '--euid', WORKERS);
    return stdout.split('\n').filter((line) => line !== '' && !line.includes('mayfly-slot'));
  };
  expect(await output('setsid sleep 600 & setsid --fork sleep 600; echo left')).toBe('left\n');
  expect(await processes()).toEqual([]);
  expect(await slotsOf(machine)).toEqual([unit]);

  const lost = await begin('setsid sleep 600 & sleep 0.2; kill -9 $PPID; sleep 600').ended;
  expect(lost).toMatchObject({ kind: 'lost', reason: expect.stringContaining('slot was lost') });
  expect(await output('echo next')).toBe('next\n');
  await eventually('the lost slot to be empty', async () => (await processes()).length === 0);
  const [second = ''] = await slotsOf(machine);
  expect(second).not.toBe(unit);

  // systemd's watchdog ends what a worker has halted.
  const halted = await begin('kill -STOP $PPID; exec sleep 600').ended;
  expect(halted.kind).toBe('lost');
  await eventually('the halted slot to be empty', async () => (await processes()).length === 0);

  const run = begin('setsid sleep 600 & sleep 600');
  await eventually('the worker', async () => (await processes()).length >= 2);
  runner.close();
  await run.ended;
  await eventually('the end of all slots', async () => (await slotsOf(machine)).length === 0);
  expect(await processes()).toEqual([]);
  expect((await machine.run('systemctl', 'is-system-running')).stdout).toBe('running\n');
});
