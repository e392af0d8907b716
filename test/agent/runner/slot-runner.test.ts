import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { WorkerMissingError } from '../../../agent/runner/runner.ts';
import { encodeFrame } from '../../../agent/runner/slot-frames.ts';
import { SlotRunner } from '../../../agent/runner/slot-runner.ts';
import { missingForCgroups, missingForSlots, openSlotSockets } from '../../../bench/setup/slot-sockets.ts';
import { eventually } from '../../support/eventually.ts';
import { memoryCgroup, tasksCgroup } from '../../support/limited-cgroup.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { outputOf, printed, type RunnerBench, useSlotBenches } from '../../support/runner-kinds.ts';
import { isRunning } from '../../support/test-queue.ts';

// Tests of both kinds of runners are in runners.test.ts.

const TASK = { stdin: '', argument: undefined, variables: {} };

const openShop = useSlotBenches();

/** A runner whose workers run the script that each task has as its argument. */
const shellOf = (shop: RunnerBench, slots = 1) => shop.runnerOf(['sh', '-c'], { slots });
const script = (argument: string) => ({ ...TASK, argument });

/** Waits for a process that a worker has started and leaves behind. */
const ARMED = 'until [ -e armed ]; do sleep 0.01; done';

describe('a slot', () => {
  beforeEach(({ skip }) => skip(missingForSlots() !== undefined, missingForSlots()));

  test('runs one worker after the other over one connection, and can reopen its output', async () => {
    const shop = await openShop();
    const runner = await shellOf(shop);
    for (const text of ['a', 'b', 'c']) {
      const run = runner.start(
        script(`echo ${text} > /dev/stderr; echo ${text} > /proc/self/fd/1; cat /dev/stdin`),
      );
      expect((await outputOf(run)).split('\n').toSorted()).toEqual(['', text, text]);
    }
    expect(shop.sockets?.started()).toBe(1);
  });

  test('is opened for each concurrent worker, and more workers wait for a free one', async () => {
    const shop = await openShop();
    const runner = await shellOf(shop, 3);
    const waiting = 'umask 0; echo >> here; until [ -e go ]; do sleep 0.01; done; echo $PPID';
    const runs = Array.from({ length: 4 }, () => runner.start(script(waiting)));
    await eventually(
      'three of four',
      async () => (await readFile(join(shop.directory, 'here'), 'utf8').catch(() => '')).length === 3,
    );
    await writeFile(join(shop.directory, 'go'), '');
    const slots = await Promise.all(runs.map(outputOf));
    expect(new Set(slots).size).toBe(3);
    expect(shop.sockets?.started()).toBe(3);
  });

  test('has a home for the worker, unless the fleet sets another', async () => {
    const shop = await openShop();
    expect(await outputOf((await shellOf(shop)).start(script('echo $HOME')))).toBe('/nonexistent\n');
    const other = await shop.runnerOf(['sh', '-c'], {
      environment: { HOME: '/other', PATH: '/usr/bin:/bin' },
    });
    expect(await outputOf(other.start(script('echo $HOME')))).toBe('/other\n');
  });

  test('that its worker kills is lost with it; the runner goes on with another', async () => {
    const shop = await openShop();
    const runner = await shellOf(shop);
    const run = runner.start(script('echo last words; sleep 0.2; kill -9 $PPID; sleep 600'));
    expect(await run.ended).toEqual({
      kind: 'lost',
      reason: "the worker's slot was lost: the slot has ended",
    });
    expect(await printed(run)).toBe('last words\n');
    expect(await outputOf(runner.start(script('echo next')))).toBe('next\n');
    expect(shop.sockets?.started()).toBe(2);
  });

  test('that is lost between two jobs affects neither of them', async () => {
    const shop = await openShop();
    const runner = await shellOf(shop);
    for (const slot of shop.sockets?.slots ?? []) slot.kill('SIGKILL');
    await eventually('the slot to be gone', () => shop.sockets?.slots.size === 0);
    expect(await outputOf(runner.start(script('echo next')))).toBe('next\n');
  });

  test('cannot be traced or read by its worker', async ({ skip }) => {
    skip(process.getuid?.() === 0 && missingForCgroups() !== undefined, 'root may trace everything');
    const shop = await openShop();
    const tries = `
import ctypes, os
slot = os.getppid()
def read(name):
    try:
        return len(open(f"/proc/{slot}/{name}", "rb").read(1))
    except PermissionError:
        return "refused"
def files():
    try:
        return os.listdir(f"/proc/{slot}/fd")
    except PermissionError:
        return "refused"
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, EPERM = 16, 1
traced = libc.ptrace(PTRACE_ATTACH, slot, None, None)
print(read("environ"), read("mem"), files(), traced, ctypes.get_errno() == EPERM)`;
    const runner = await shop.runnerOf(['python3', '-c', tries]);
    expect(await outputOf(runner.start(TASK))).toBe('refused refused refused -1 True\n');
  });

  test('leaves nothing of a job in its own directories', async () => {
    const scratch = await openShop();
    const own = join(scratch.directory, 'own');
    await mkdir(own, { mode: 0o777 });
    const shop = await openShop({ slotOptions: ['--scratch', own], cgroups: 'none' });
    const runner = await shellOf(shop);
    const litter = 'mkdir -p a/b; echo x > a/b/c; ln -s / a/root; mkfifo p; chmod 0 a/b; ls';
    const run = runner.start(script(`cd ${own}; ${litter}`));
    expect(await outputOf(run)).toBe('a\np\n');
    expect(await outputOf(runner.start(script(`ls -A ${own}; echo .`)))).toBe('.\n');
    expect(existsSync('/usr')).toBe(true);
  });

  test('that ran out of memory reports it, however the worker ended', async () => {
    const fake = (await openShop()).directory;
    await writeFile(join(fake, 'cgroup.procs'), '');
    await writeFile(join(fake, 'memory.events'), 'low 0\noom 2\noom_kill 2\n', { mode: 0o666 });
    await writeFile(join(fake, 'memory.max'), '536870912\n');
    const shop = await openShop({ slotOptions: ['--cgroup', fake], cgroups: 'none' });
    const runner = await shellOf(shop);
    expect(await runner.start(script('exit 0')).ended).toMatchObject({ kind: 'exited', status: 0 });
    const killed = script(`echo oom_kill 3 > ${fake}/memory.events; echo; exit 0`);
    const death = { kind: 'signalled', signal: 'SIGKILL', stopped: false };
    expect(await runner.start(killed).ended).toEqual({
      ...death,
      reason: 'the worker ran out of memory (limit 512 MiB)',
    });
    await writeFile(join(fake, 'memory.max'), 'max\n');
    const again = script(`echo oom_kill 4 > ${fake}/memory.events; echo; exit 0`);
    expect(await runner.start(again).ended).toEqual({
      ...death,
      reason: "the worker ran out of memory (the machine's own)",
    });
    expect(await runner.start(script('exit 0')).ended).toMatchObject({ kind: 'exited', status: 0 });
  });
});

describe('a slot in its own cgroup', () => {
  beforeEach(({ skip }) => skip(missingForCgroups() !== undefined, missingForCgroups()));

  test.each([
    ['a session of its own', 'setsid sleep 600 > /dev/null 2>&1 & echo $!'],
    ['a session of its own, the output held', 'setsid sleep 600 & echo $!'],
    ['a parent that has gone', `(setsid sh -c "echo \\$\\$; touch armed; exec sleep 600" &); ${ARMED}`],
    [
      'no ear for signals',
      `setsid sh -c "trap '' TERM INT HUP; echo \\$\\$; touch armed; while :; do sleep 1; done" & ${ARMED}`,
    ],
  ])('no process of a job outlives it: %s', async (_, remainder) => {
    const shop = await openShop();
    const runner = await shellOf(shop);
    const pid = Number(await outputOf(runner.start(script(remainder))));
    expect(pid).toBeGreaterThan(1);
    expect(await isRunning(pid)).toBe(false);
    expect(await outputOf(runner.start(script('echo next')))).toBe('next\n');
    expect(shop.sockets?.started()).toBe(1);
  });

  test('a program that restarts itself very fast is ended too', async () => {
    const shop = await openShop();
    const phoenix = join(shop.directory, 'phoenix');
    const beat = join(shop.directory, 'beat');
    // It ends by itself, but only after a minute.
    const text = `#!/bin/sh\necho >> ${beat}\n[ $1 -gt 0 ] && setsid "$0" $(($1 - 1)) &\n`;
    await writeFile(phoenix, text, { mode: 0o755 });
    const runner = await shellOf(shop);
    const started = `until [ $(wc -l < ${beat}) -gt 10 ]; do sleep 0.02; done`;
    const many = `for i in 1 2 3 4 5; do ${phoenix} 5000 > /dev/null 2>&1; done; ${started}`;
    expect(await outputOf(runner.start(script(many)))).toBe('');
    const generations = (await readFile(beat)).length;
    expect(generations).toBeGreaterThan(10);
    expect(await outputOf(runner.start(script('sleep 0.2; echo next')))).toBe('next\n');
    expect((await readFile(beat)).length).toBe(generations);
    expect(shop.sockets?.started()).toBe(1);
  });

  test('a fork bomb is limited and ended', async ({ skip }) => {
    const tasks = await tasksCgroup(60);
    if (!tasks) return skip('needs the pids controller');
    const shop = await openShop({ alsoEnter: [tasks.directory] });
    const runner = await shellOf(shop);
    const bomb = join(shop.directory, 'bomb');
    await writeFile(bomb, '#!/bin/sh\nsetsid "$0" &\nsetsid "$0" &\nwait\n', { mode: 0o755 });
    const end = await runner.start(script(`${bomb} > /dev/null 2>&1 & sleep 0.5`)).ended;
    expect(end).toMatchObject({ kind: 'exited', status: 0 });
    expect(await outputOf(runner.start(script('echo next')))).toBe('next\n');
    const left = await readFile(join(tasks.directory, 'cgroup.procs'), 'utf8');
    expect(left.trim().split('\n')).toHaveLength(1);
  });

  test('the worker and its descendants die with the agent', async () => {
    const shop = await openShop();
    const runner = await shellOf(shop);
    const file = join(shop.directory, 'pid');
    const run = runner.start(script(`setsid sleep 600 & echo $! > ${file}; sleep 600`));
    const pid = await eventually('its number', async () => {
      return Number(await readFile(file, 'utf8').catch(() => '')) || undefined;
    });
    runner.close();
    await run.ended;
    await eventually('the left process to be gone', async () => !(await isRunning(pid)));
    await eventually('the slot to be gone', () => shop.sockets?.slots.size === 0);
  });

  test('a worker cannot connect to the socket of the agent', async () => {
    const shop = await openShop();
    const connect = `import socket; socket.socket(socket.AF_UNIX).connect("${shop.sockets?.path}/1")`;
    const runner = await shop.runnerOf(['python3', '-c', connect]);
    const run = runner.start(TASK);
    expect(await run.ended).toMatchObject({ kind: 'exited', status: 1 });
    expect(await printed(run)).toContain('PermissionError');
  });

  test('running out of memory ends the whole job, but not its slot', async ({ skip }) => {
    const memory = await memoryCgroup(64);
    if (!memory) return skip('needs the memory controller');
    const events = (await openShop()).directory;
    await symlink(memory.events, join(events, 'memory.events'));
    await symlink(memory.limit, join(events, 'memory.max'));
    await writeFile(join(events, 'cgroup.procs'), '');
    const shop = await openShop({ slotOptions: ['--cgroup', events], alsoEnter: [memory.directory] });
    const runner = await shellOf(shop);
    const eat = 'python3 -c "x = bytearray(200_000_000)"; echo went on';
    expect(await runner.start(script(eat)).ended).toMatchObject({
      kind: 'signalled',
      signal: 'SIGKILL',
      reason: 'the worker ran out of memory (limit 64 MiB)',
      stopped: false,
    });
    expect(await outputOf(runner.start(script('echo next')))).toBe('next\n');
    expect(shop.sockets?.started()).toBe(1);
  });
});

describe('a runner that gets no slot', () => {
  beforeEach(({ skip }) => skip(missingForSlots() !== undefined, missingForSlots()));

  /** Advances the clock until the promise is settled. */
  async function passing<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
    let over = false;
    const done = () => {
      over = true;
    };
    promise.then(done, done);
    while (!over) {
      await clock.advance(100);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return promise;
  }

  function runnerAt(sockets: string, clock: ManualClock) {
    const options = {
      slots: 1,
      command: ['true'] as [string],
      environment: { PATH: '/bin' },
      directory: '/',
    };
    return new SlotRunner({ ...options, sockets, clock });
  }

  async function refusal(sockets: string): Promise<string> {
    const clock = new ManualClock();
    const checked = runnerAt(sockets, clock).check();
    const error = await passing(clock, checked).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkerMissingError);
    return String(error).replace(/^WorkerMissingError: /, '');
  }

  test('reports that nobody listens', async () => {
    expect(await refusal('/nowhere/slots')).toBe(
      'the worker command "true" cannot be run: connect ENOENT /nowhere/slots/1',
    );
  });

  test.each([
    [
      'credentials within reach',
      ['--any-cgroup'],
      /the instance metadata at 169\.254\.169\.254 is not closed to workers/,
    ],
    [
      'a cgroup that is shared',
      ['--any-network'],
      /the cgroup \S+ is not the slot's own: it has \d+ other processes/,
    ],
  ])('reports why a slot refuses to work: %s', async (_, slotOptions, sentence) => {
    const sockets = await openSlotSockets({ cgroups: 'none', noDefaults: true, slotOptions });
    try {
      expect(await refusal(sockets.path)).toMatch(sentence);
      expect(sockets.errors()).toMatch(sentence);
    } finally {
      await sockets.close();
    }
  });

  test('reports that the slot has another version', async () => {
    const directory = (await openShop()).directory;
    const server = createServer((socket) => socket.write(encodeFrame('H', '999', '/')).valueOf());
    await new Promise<void>((resolve) => server.listen(join(directory, '1'), resolve));
    expect(await refusal(directory)).toMatch(/the slot speaks version 999 of the protocol, the agent 2$/);
    server.close();
  });

  test('reports that the slot has ended without a message, and where to look', async () => {
    const directory = (await openShop()).directory;
    let tries = 0;
    const server = createServer((socket) => {
      tries += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(join(directory, '1'), resolve));
    expect(await refusal(directory)).toMatch(
      /: the slot ended before it said hello: journalctl -u "mayfly-slot@\*" says why$/,
    );
    // Ten seconds in total, with delays of 100 ms.
    expect(tries).toBeLessThanOrEqual(102);
    server.close();
  });

  test('reports it to the job that waits for a slot', async () => {
    const sockets = await openSlotSockets();
    const clock = new ManualClock();
    const runner = runnerAt(sockets.path, clock);
    await runner.check();
    await sockets.close();
    expect(await passing(clock, runner.start(TASK).ended)).toEqual({
      kind: 'not-started',
      reason: expect.stringContaining('ENOENT'),
    });
    const stopped = runner.start(TASK);
    stopped.stop(1000);
    expect(await stopped.ended).toEqual({
      kind: 'not-started',
      reason: expect.stringMatching(/^it was stopped before there was a slot for it: .*ENOENT/),
    });
  });

  test('ends a stopped wait at once, and has the slot for others', async () => {
    const sockets = await openSlotSockets();
    try {
      const runner = runnerAt(sockets.path, new ManualClock());
      await runner.check();
      const first = runner.start(TASK);
      const second = runner.start(TASK);
      const third = runner.start(TASK);
      second.stop(0);
      // The only slot still has the first worker, whose end waits for a turn of the event loop.
      expect(await Promise.race([second.ended, first.ended])).toEqual({
        kind: 'not-started',
        reason: 'it was stopped before there was a slot for it',
      });
      expect(await third.ended).toMatchObject({ kind: 'exited', status: 0 });
    } finally {
      await sockets.close();
    }
  });

  test('does not start a worker that was stopped meanwhile', async () => {
    const sockets = await openSlotSockets();
    try {
      const runner = runnerAt(sockets.path, new ManualClock());
      await runner.check();
      const first = runner.start(TASK);
      const second = runner.start(TASK);
      second.stop(0);
      expect(await first.ended).toMatchObject({ kind: 'exited' });
      expect(await second.ended).toMatchObject({
        kind: 'not-started',
        reason: expect.stringContaining('stopped before'),
      });
    } finally {
      await sockets.close();
    }
  });
});
