import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { missingForCgroups, missingForSlots } from '../../bench/setup/slot-sockets.ts';
import { eventually } from '../support/eventually.ts';
import { outputOf, useSlotBenches } from '../support/runner-kinds.ts';

const PYTHON = '/usr/bin/python3';

const openShop = useSlotBenches();

const script = (argument: string) => ({ stdin: '', argument, variables: {} });

describe('two jobs of one slot, one after the other', () => {
  beforeEach(({ skip }) => skip(missingForSlots() !== undefined, missingForSlots()));

  test('each have an empty home with the same path', async () => {
    const own = join((await openShop()).directory, 'own');
    await mkdir(own, { mode: 0o777 });
    const home = join(own, 'home');
    const shop = await openShop({ slotOptions: ['--scratch', own, '--home', home], cgroups: 'none' });
    const runner = await shop.runnerOf(['sh', '-c']);
    const litter = 'echo "echo mine" > ~/.bashrc; mkdir ~/.ssh; chmod 0 ~/.ssh; chmod 0 ~';
    expect(await outputOf(runner.start(script(`echo $HOME; ls -A ~; ${litter}`)))).toBe(`${home}\n`);
    expect(await outputOf(runner.start(script('stat -c %a ~; ls -A ~; rmdir ~; ln -s / ~')))).toBe('700\n');
    expect(await outputOf(runner.start(script('stat -c "%F" ~; ls -A ~')))).toBe('directory\n');
    expect(await outputOf(runner.start(script('chmod 711 ~; ls -A ~')))).toBe('');
    expect(await outputOf(runner.start(script('stat -c %a ~')))).toBe('700\n');
    expect(shop.sockets?.started()).toBe(1);
  });

  test('can be started after one without a program, whose home is removed', async () => {
    const own = join((await openShop()).directory, 'own');
    await mkdir(own, { mode: 0o777 });
    const shop = await openShop({
      slotOptions: ['--scratch', own, '--home', join(own, 'home')],
      cgroups: 'none',
    });
    const program = join(shop.directory, 'program');
    await writeFile(program, '#!/bin/sh\nls -d ~\n', { mode: 0o755 });
    const runner = await shop.runnerOf([program]);
    const task = { stdin: '', argument: undefined, variables: {} };
    await chmod(program, 0o644);
    expect((await runner.start(task).ended).kind).toBe('not-started');
    await chmod(program, 0o755);
    expect(await outputOf(runner.start(task))).toBe(`${own}/home\n`);
  });

  test('whose home cannot be created are not started, with the reason', async () => {
    const shop = await openShop({ slotOptions: ['--home', '/nowhere/home'], cgroups: 'none' });
    const runner = await shop.runnerOf(['true']);
    expect(await runner.start(script('')).ended).toEqual({
      kind: 'not-started',
      reason: 'the home /nowhere/home cannot be created: ENOENT, No such file or directory',
    });
  });
});

describe('two slots', () => {
  beforeEach(({ skip }) => skip(missingForCgroups() !== undefined, missingForCgroups()));

  test('have different users: a worker cannot signal or read processes of the other, also while they start', async () => {
    const shop = await openShop();
    const runner = await shop.runnerOf(['sh', '-c'], { slots: 2 });
    const victim = runner.start(script(`echo $$ $PPID > ${shop.directory}/victim; exec sleep 600`));
    const attack = `
import os, signal, time
while not os.path.exists("${shop.directory}/victim"):
    time.sleep(0.01)
for pid in open("${shop.directory}/victim").read().split():
    for name in ("environ", "mem", "maps"):
        try:
            open(f"/proc/{pid}/{name}", "rb").read(1)
            print("read", name)
        except OSError:
            pass
    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(int(pid), number)
            print("sent", number)
        except PermissionError:
            pass
print("over")`;
    await writeFile(join(shop.directory, 'attack'), attack);
    const attacker = runner.start(
      script(`until [ -s ${shop.directory}/victim ]; do sleep 0.01; done
      ${PYTHON} ${shop.directory}/attack`),
    );
    expect(await outputOf(attacker)).toBe('over\n');
    await runner.start(script('kill -9 -1; sleep 600')).ended;
    expect(await outputOf(runner.start(script('echo next')))).toBe('next\n');
    victim.stop(0);
    expect(await victim.ended).toMatchObject({ kind: 'signalled', stopped: true });
  });
});

/** Leaves one object of each kind in the kernel. */
const LEAVE = `
import ctypes, platform
libc = ctypes.CDLL(None)
CREATE = 0o1666
assert libc.shmget(0x6d617966, 4096, CREATE) >= 0
assert libc.semget(0x6d617966, 1, CREATE) >= 0
assert libc.msgget(0x6d617966, CREATE) >= 0
add_key = {"x86_64": 248, "aarch64": 217}[platform.machine()]
for keyring in (-3, -4, -5):
    libc.syscall(add_key, b"user", b"left by a job", b"secret", 6, keyring)`;

/** The kernel removes keys that no keyring holds when its garbage collector runs (keyrings(7)). */
const look = (waitSeconds: number) => `
import os, time
own = str(os.getuid())
for kind in ("shm", "sem", "msg"):
    print(kind, sum(own in line.split() for line in open(f"/proc/sysvipc/{kind}")))
keys = lambda: open("/proc/keys").read().count("left by a job")
for _ in range(${10 * waitSeconds}):
    if keys() == 0:
        break
    time.sleep(0.1)
print(keys())`;

describe('a slot with its own user', () => {
  beforeEach(({ skip }) => skip(missingForCgroups() !== undefined, missingForCgroups()));

  test('leaves no System V objects and keys of a job in the kernel, also if the slot fails', async () => {
    const shop = await openShop({ slotOptions: ['--own-user'] });
    const runner = await shop.runnerOf([PYTHON, '-c']);
    const nothing = 'shm 0\nsem 0\nmsg 0\n0\n';
    expect(await outputOf(runner.start(script(`${LEAVE}\n${look(0)}`)))).toMatch(
      /^shm 1\nsem 1\nmsg 1\n[03]\n$/,
    );
    expect(await outputOf(runner.start(script(look(30))))).toBe(nothing);
    expect(shop.sockets?.started()).toBe(1);
    const lost = runner.start(script(`${LEAVE}\nimport os, time; os.kill(os.getppid(), 9); time.sleep(600)`));
    expect((await lost.ended).kind).toBe('lost');
    await eventually(
      'the next slot',
      async () => (await outputOf(runner.start(script(look(30))))) === nothing,
    );
  });
});
