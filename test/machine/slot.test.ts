import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Size } from 'aws-cdk-lib';
import { expect, onTestFinished, test } from 'vitest';
import type { Run } from '../../agent/runner/runner.ts';
import { SlotRunner } from '../../agent/runner/slot-runner.ts';
import { systemClock } from '../../aws/clock.ts';
import { makeSlotDropIn } from '../../infra/instance/unit-settings.ts';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { resolveSettings } from '../../infra/props/settings.ts';
import type { Machine } from '../../local/machines/machine.ts';
import { eventually } from '../support/eventually.ts';
import { printed, recordOutput } from '../support/runner-kinds.ts';
import { type Lab, labs } from './support/lab.ts';

const start = labs();

const SYSTEMD = join(import.meta.dirname, '../../systemd');
/** The user of the first slot, and the group of all. */
const [USER, GROUP] = ['mayfly-slot-1', 'mayfly-worker'];
const HOME = '/var/tmp/home';
const CACHE = '/srv/cache';
const LIMITS: WorkerFleetProps = {
  workerMemory: Size.mebibytes(512),
  workerCpu: 0.5,
  workerTasks: 300,
  workerDisk: Size.mebibytes(32),
};
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' };

/** Boots a machine with the slots only. This process is their agent, over sockets in a shared directory. */
async function boot(lab: Lab, props: WorkerFleetProps): Promise<Machine> {
  const { shared } = lab;
  await cp(SYSTEMD, join(shared, 'systemd'), { recursive: true });
  await cp(process.execPath, join(shared, 'node'));
  const limits = makeSlotDropIn(resolveSettings('WorkerFleet', 'Fleet', props)).join('\\n');
  const units = '/etc/systemd/system';
  const [machine] = await lab.launch(`
    useradd --system mayfly-agent
    groupadd --system ${GROUP}
    mkdir -p /etc/mayfly /opt/mayfly/tree/worker ${units}/mayfly-slot@.service.d ${units}/mayfly-slot@.socket.d
    echo '{"concurrency": 2}' > /etc/mayfly/agent.json
    install -m 755 /mnt/shared/node /usr/local/bin/node
    cp -r /mnt/shared/systemd /opt/mayfly/tree/
    cp /mnt/shared/systemd/mayfly-slot*.s* ${units}/
    printf '%b\\n' '${limits}' > ${units}/mayfly-slot@.service.d/fleet.conf
    printf '[Socket]\\nListenStream=\\nListenStream=/mnt/shared/slots/%%i\\n' > ${units}/mayfly-slot@.socket.d/test.conf
    systemctl daemon-reload
    systemctl start mayfly-slots.service`);
  if (!machine) throw new Error('nothing was launched');
  return lab.booted(machine);
}

/** Runs shell scripts in the slots of a machine. */
async function agentOf(lab: Lab, slots = 1) {
  const isolating = new SlotRunner({
    sockets: join(lab.shared, 'slots'),
    slots,
    command: ['bash', '-c'],
    environment: ENVIRONMENT,
    directory: '/opt/mayfly/tree/worker',
    clock: systemClock,
  });
  const runner = recordOutput(isolating);
  onTestFinished(() => runner.close());
  await runner.check();
  const begin = (script: string): Run => runner.start({ stdin: 'input', argument: script, variables: {} });
  /** The output of a script, both streams in their order. */
  const output = async (script: string) => {
    const run = begin(`exec 2>&1; ${script}`);
    const end = await run.ended;
    return end.kind === 'not-started' ? end.reason : printed(run);
  };
  return { runner, begin, output };
}

/** Prints the world-writable directories. */
const PLACES =
  'find / /dev /dev/shm /dev/mqueue /run /run/lock /tmp /var/tmp -xdev -type d -perm -0002 2>/dev/null | sort -u | grep -v ^/mnt/shared';

/** Leaves a POSIX message queue, and one System V object of each kind. */
const LEAVE_IPC = `python3 -c 'import ctypes, os
libc = ctypes.CDLL(None)
assert libc.mq_open(b"/queue", os.O_CREAT, 0o600, None) >= 0
for made in (libc.shmget(7, 4096, 0o1600), libc.semget(7, 1, 0o1600), libc.msgget(7, 0o1600)):
    assert made >= 0'`;
/** Prints the error of keyctl(JOIN_SESSION_KEYRING), which container runtimes call. */
const JOIN_KEYRING = `python3 -c 'import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall({"x86_64": 250, "aarch64": 219}[os.uname().machine], 1, None)
print(errno.errorcode[ctypes.get_errno()])'`;
/** Builds a wheel and installs it without an index. */
const INSTALL_WHEEL = `python3 -c 'import zipfile
with zipfile.ZipFile("a-1-py3-none-any.whl", "w") as wheel:
    wheel.writestr("a-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: a\\nVersion: 1\\n")
    wheel.writestr("a-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("a-1.dist-info/RECORD", "")' && pip install --no-index --target lib ./a-1-py3-none-any.whl`;
const NPM = 'node /mnt/shared/npm/bin/npm-cli.js';
const CACHE_PACKAGE = [
  'mkdir a',
  `echo '{"name":"a","version":"1.0.0"}' > a/package.json`,
  `${NPM} pack ./a --silent`,
  `${NPM} cache add ./a-1.0.0.tgz`,
].join(' && ');
const COUNT_IPC = 'cat /proc/sysvipc/{shm,sem,msg} | grep -vc key; ls /dev/mqueue';

/** The npm that runs the tests, because Debian's has 400 dependencies. */
function npmDirectory(): string {
  const program = process.env['npm_execpath'];
  if (program === undefined) throw new Error('npm_execpath is not set: run the tests through npm');
  return dirname(dirname(program));
}

const slotsOf = async (machine: Machine) => {
  const { stdout } = await machine.run(
    'systemctl',
    'list-units',
    '--plain',
    '--no-legend',
    'mayfly-slot@*.service',
  );
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ', 1)[0] ?? '');
};

test('programs of all kinds run in a slot, and none gets at what is not its own', async () => {
  const lab = await start();
  await cp(npmDirectory(), join(lab.shared, 'npm'), { recursive: true });
  const machine = await boot(lab, { workerCacheDirectory: CACHE });
  const { output } = await agentOf(lab);
  expect(await output('id -un; pwd; echo $HOME; cat /dev/stdin; echo anew > /dev/stderr')).toBe(
    `${USER}\n/opt/mayfly/tree/worker\n${HOME}\ninputanew\n`,
  );
  const compiled = 'let n = 0; for (let i = 0; i < 1e7; i++) n = (n + i) % 1000; console.log(n)';
  expect(await output(`node -e '${compiled}'`)).toBe('0\n');
  expect(await output('java -Xshare:auto -version')).toMatch(/64-Bit Server VM/);
  expect(
    await output('python3 -c "import ctypes, multiprocessing as m; print(m.Pool(2).map(abs, [-1, -2]))"'),
  ).toBe('[1, 2]\n');
  // Browsers use user namespaces for their sandbox.
  expect(await output('unshare --user --map-root-user id -u')).toBe('0\n');
  expect(await output('id -gn; [ ~ = "$(getent passwd $(id -u) | cut -d: -f6)" ]; echo $?')).toBe(
    `${GROUP}\n0\n`,
  );

  expect(await output('sudo -n true; su -c true; echo over')).toMatch(/no new privileges[\s\S]*over\n$/);
  expect(await output('touch /usr/bin/x /etc/x /opt/mayfly/tree/x; echo over')).toMatch(
    /^(touch: .*\n){3}over\n$/,
  );
  expect(
    await output('python3 -c "import socket; socket.socket(1).connect(\\"/mnt/shared/slots/2\\")"'),
  ).toMatch(/PermissionError/);
  expect(await output('cat /proc/$PPID/environ /proc/1/environ')).toMatch(/^(cat: .*\n){2}$/);
  expect(await output('curl -sS -m 2 http://169.254.169.254/; echo $?')).toMatch(/timed out[\s\S]*28\n$/);
  const datagram = 'import socket; socket.socket(2, 2).sendto(b"", ("169.254.169.254", 80))';
  expect(await output(`python3 -c '${datagram}'`)).toMatch(/Operation not permitted/);

  // Container runtimes work without a keyring if the kernel has none, and fail after any other error.
  expect(await output(JOIN_KEYRING)).toBe('ENOSYS\n');

  // Every world-writable directory belongs to the slot, and is emptied after the job.
  expect(await output(PLACES)).toBe('/dev/mqueue\n/dev/shm\n/run/lock\n/tmp\n/var/tmp\n');
  const litter = 'for place in /dev/shm /run/lock /tmp /var/tmp ~; do echo x > $place/left; done';
  expect(await output(`${litter}; ${LEAVE_IPC}; ${COUNT_IPC}`)).toBe('3\nqueue\n');
  expect(await output(`ls -A $(${PLACES}) ~ | grep left; ls -A ~; ${COUNT_IPC}`)).toBe('0\n');
  const there = await machine.run('ls', '/tmp', '/var/tmp', '/dev/shm', '/run/lock');
  expect(there.stdout).not.toContain('left');

  // The cache stays. Programs accept its owner.
  expect(await output(`cd ${CACHE} && git init -q && echo x > kept; stat -c '%U %a' .`)).toBe(
    `${USER} 700\n`,
  );
  expect(await output(`cd ${CACHE} && git status --short`)).toBe('?? kept\n');
  // As the documentation sets them.
  const caches = `export XDG_CACHE_HOME=${CACHE} npm_config_cache=${CACHE}/npm; cd`;
  const installed = await output(`${caches} && ${INSTALL_WHEEL} && pip cache dir`);
  expect(installed).toMatch(/Successfully installed a-1[\s\S]*\/srv\/cache\/pip\n$/);
  expect(installed).not.toContain('disabled');
  expect(await output(`${caches} && ${CACHE_PACKAGE}`)).toBe('a-1.0.0.tgz\n');
  expect(await output(`${caches} && ${NPM} cache verify`)).toMatch(/Content verified: 1 /);
  expect(await slotsOf(machine)).toEqual(['mayfly-slot@1.service']);
});

test('a worker can neither see nor signal what runs in another slot', async () => {
  const lab = await start();
  const machine = await boot(lab, { workerCacheDirectory: CACHE });
  const { begin, output } = await agentOf(lab, 2);
  const neighbour = begin('exec sleep 600');
  await eventually('the neighbour', async () => (await machine.run('pgrep', 'sleep')).status === 0);
  const { stdout: pids } = await machine.run('pgrep', '-f', 'sleep 600|mayfly-slot');
  const [seen, signalled] = [
    '[ ! -e /proc/$pid ] || echo seen',
    'kill -KILL $pid 2>/dev/null && echo killed',
  ];
  const look = `[ $pid = $PPID ] || { ${seen}; ${signalled}; }`;
  expect(await output(`for pid in ${pids.trim().replaceAll('\n', ' ')}; do ${look}; done; id -un`)).toBe(
    'mayfly-slot-2\n',
  );
  expect(await output(`touch ${CACHE}/mine; ls -A ${CACHE}; ls /var/cache/mayfly-slot/1`)).toMatch(
    /^mine\nls: cannot open directory/,
  );
  neighbour.stop(0);
  expect(await neighbour.ended).toMatchObject({ kind: 'signalled', stopped: true });
});

test('a slot that cannot start is started as often as the agent asks, and no more', async () => {
  const lab = await start();
  const machine = await boot(lab, {});
  const dropIn = '/etc/systemd/system/mayfly-slot@.service.d/groups.conf';
  await machine.run('sh', '-c', `printf '[Service]\\nSupplementaryGroups=nobody-made-it\\n' > ${dropIn}`);
  await machine.run('systemctl', 'daemon-reload');
  await expect(agentOf(lab)).rejects.toThrow('the slot ended before it said hello');
  const starts = async () => {
    await machine.run('journalctl', '--sync');
    const { stdout } = await machine.run('journalctl', '--output=cat', '--unit=mayfly-slot@1.service');
    return stdout.split('\n').filter((line) => line.includes('status=216/GROUP')).length;
  };
  const whileAsked = await starts();
  expect(whileAsked).toBeGreaterThan(1);
  // If systemd restarted it by itself, it would start many times in each second.
  await setTimeout(3000);
  expect(await starts()).toBe(whileAsked);
  await machine.run('sh', '-c', `rm ${dropIn} && systemctl daemon-reload`);
  const { output } = await agentOf(lab);
  expect(await output('echo works')).toBe('works\n');
});

test('a slot has its limits, and nothing of a job is left when it is over or the slot is lost', async () => {
  const lab = await start();
  const machine = await boot(lab, LIMITS);
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
    // The configured value: not every host allows a lower one.
    'OOMScoreAdjust=-900',
    'TasksMax=300',
    `User=${USER}`,
  ]);
  // 153: SIGXFSZ. 1: no space.
  const write = (place: string, mebibytes: number) =>
    `bash -c 'head -c ${mebibytes}M /dev/zero > ${place} && echo fits' 2>/dev/null; rm -f ${place}`;
  expect(
    await output(`${write('~/file', 31)}; ${write('~/file', 33)}; ${write('/mnt/shared/file', 65)}`),
  ).toBe('fits\n');
  expect(await output('for i in 1 2 3; do head -c 15M /dev/zero > ~/$i || echo full; done 2>/dev/null')).toBe(
    'full\n',
  );
  expect(await output('ls -A ~ /tmp /var/tmp')).toBe('/tmp:\n\n/var/tmp:\nhome\n\n/var/tmp/home:\n');
  const processes = async () => {
    const { stdout } = await machine.run('pgrep', '--list-full', '--group', GROUP);
    return stdout.split('\n').filter((line) => line !== '' && !line.includes('mayfly-slot'));
  };
  expect(await output('setsid sleep 600 & setsid --fork sleep 600; echo left')).toBe('left\n');
  expect(await processes()).toEqual([]);
  expect(await slotsOf(machine)).toEqual([unit]);

  const lost = await begin('setsid sleep 600 & sleep 0.2; kill -9 $PPID; sleep 600').ended;
  expect(lost).toMatchObject({ kind: 'lost', reason: expect.stringContaining('slot was lost') });
  expect(await output('echo next')).toBe('next\n');
  await eventually('the lost slot to be empty', async () => (await processes()).length === 0);
  // The next slot is the same unit, started when no process of the one before was left.
  expect(await slotsOf(machine)).toEqual([unit]);

  // The watchdog of systemd ends a slot that a worker has stopped.
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
