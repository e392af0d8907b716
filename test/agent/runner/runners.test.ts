import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Command } from '../../../agent/runner/fleet-programs.ts';
import { RepeatedRun } from '../../../agent/runner/repeated-run.ts';
import { type OutputSink, type Task, WorkerMissingError } from '../../../agent/runner/runner.ts';
import { systemClock } from '../../../aws/clock.ts';
import { missingForSlots } from '../../../bench/setup/slot-sockets.ts';
import { eventually } from '../../support/eventually.ts';
import {
  openProcessBench,
  openSlotBench,
  outputOf,
  printed,
  type RunnerBench,
} from '../../support/runner-kinds.ts';
import { isRunning } from '../../support/test-queue.ts';

/** Returns undefined if there is no such file. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Applies to every worker, however it is started. */
describe.each([
  ['a plain process', openProcessBench, undefined],
  ['a slot', openSlotBench, missingForSlots()],
])('a worker as %s', (_, open, whyNot) => {
  let shop: RunnerBench;

  beforeEach(({ skip }) => skip(whyNot !== undefined, whyNot));
  beforeAll(async () => {
    if (whyNot) return;
    shop = await open();
    await writeFile(join(shop.directory, 'orphan'), '#!/no/such/interpreter -x\n');
    await writeFile(join(shop.directory, 'bare'), 'echo "shell $0 $1"\n');
    await writeFile(join(shop.directory, 'plain'), '#!/bin/sh\n');
    for (const name of ['orphan', 'bare']) await chmod(join(shop.directory, name), 0o755);
  });
  afterAll(() => shop?.close());

  test.each([
    ['exit 0', { kind: 'exited', status: 0 }],
    ['exit 75', { kind: 'exited', status: 75 }],
    ['exit 255', { kind: 'exited', status: 255 }],
    ['kill -KILL $$', { kind: 'signalled', signal: 'SIGKILL' }],
    ['kill -TERM $$', { kind: 'signalled', signal: 'SIGTERM' }],
    ['kill -PIPE $$', { kind: 'signalled', signal: 'SIGPIPE' }],
    ['echo out; echo err >&2', { kind: 'exited' }, /^(out\nerr|err\nout)\n$/],
    // The output of a worker that closes it early has ended, but the worker has not exited.
    ['exec >&- 2>&-; sleep 0.1; exit 3', { kind: 'exited', status: 3 }],
  ])('%s', async (script, end, output = /^$/) => {
    const run = await shop.start(script);
    expect(await run.ended).toMatchObject({ stopped: false, ...end });
    expect(await printed(run)).toMatch(output);
  });

  test('it reads its input to its end, and again from its start', async () => {
    const run = await shop.start('cat; cat /dev/stdin', { stdin: 'ä\0b' });
    expect(await outputOf(run)).toBe('ä\0bä\0b');
  });

  test('input that it does not read causes no error, whatever its length', async () => {
    const run = await shop.start('exit 4', { stdin: 'x'.repeat(1_048_576) });
    expect(await run.ended).toMatchObject({ kind: 'exited', status: 4 });
    const counted = await shop.start('wc -c', { stdin: 'x'.repeat(1_048_576) });
    expect((await outputOf(counted)).trim()).toBe('1048576');
  });

  test('it gets its arguments and variables as they were given, and no others', async () => {
    const environment = { PATH: '/usr/bin:/bin', HOME: '/home of', ODD: 'a=b\n"c" ', EMPTY: '' };
    const runner = await shop.runnerOf(['env', '-0'], { environment });
    const run = runner.start({
      stdin: '',
      argument: undefined,
      variables: { MAYFLY_JOB_ID: 'ü', ODD: 'o=ver' },
    });
    const all = (await outputOf(run)).split('\0').filter((line) => line !== '');
    const lines = all.filter((line) => !line.startsWith('MAYFLY_RESULT='));
    expect(all).toHaveLength(lines.length + 1);
    const expected = ['PATH=/usr/bin:/bin', 'HOME=/home of', 'ODD=o=ver', 'EMPTY=', 'MAYFLY_JOB_ID=ü'];
    expect(lines.toSorted()).toEqual(expected.toSorted());
    const words = await shop.start('printf "%s|" "$@"; pwd', { argument: ' a "b"\n* ' });
    expect(await outputOf(words)).toBe(` a "b"\n* |${shop.directory}\n`);
  });

  test('it ignores and blocks no signal, and leads its own session', async () => {
    const run = await shop.start('grep -hE "^Sig(Blk|Ign)" /proc/self/status; ps -o sid= -p $$; echo $$');
    const [blocked, ignored, session, pid] = (await outputOf(run)).trim().split('\n');
    // Signals 32 and 33 are reserved by the C library.
    expect(blocked).toBe('SigBlk:\t0000000000000000');
    expect(ignored).toMatch(/^SigIgn:\t0000000[01][08]0000000$/);
    expect(session?.trim()).toBe(pid);
  });

  test('it has only its own three descriptors', async () => {
    const run = await shop.start('ls /proc/$$/fd');
    // High descriptors may be inherited from what started these tests.
    const low = (await outputOf(run)).split('\n').filter((name) => name !== '' && Number(name) < 100);
    expect(low).toEqual(['0', '1', '2']);
  });

  test('a script without an interpreter is run by the shell', async () => {
    const runner = await shop.runnerOf(['./bare']);
    const run = runner.start({ stdin: '', argument: 'x', variables: {} });
    expect(await outputOf(run)).toBe(`shell ${shop.directory}/bare x\n`);
  });

  test.each([
    ['./missing', /"\.\/missing" cannot be run: there is no file .*missing$/],
    ['./', /is not a file/],
    ['./plain', /is not executable \(chmod \+x\)/],
    ['./orphan', /asks for the interpreter \/no\/such\/interpreter, which is not there/],
    ['no-such-program', /there is no such program on PATH \(\/usr\/no\)/],
  ])('%s is refused with the reason', async (word, message) => {
    const runner = shop.runnerOf([word], { environment: { PATH: '/usr/no' } });
    await expect(runner).rejects.toThrow(WorkerMissingError);
    await expect(runner).rejects.toThrow(message);
  });

  test('a task chooses one of the commands of the fleet by its name, and none of its own', async () => {
    const commands = new Map<string, Command>([
      ['healthy', ['sh', '-c', 'echo "healthy $1 $(cat) $PLACE"', 'check']],
      ['worker', ['echo', 'the one called worker']],
    ]);
    const runner = await shop.runnerOf(['echo', 'worker'], { instanceCheck: ['echo', 'instance'], commands });
    const task = { stdin: 'in', argument: 'x', variables: { PLACE: 's2' } };
    const outputs: string[] = [];
    for (const program of [
      { command: 'healthy' },
      { command: 'worker' },
      'instance-check',
      'worker',
    ] as const) {
      outputs.push(await outputOf(runner.start({ ...task, program })));
    }
    expect(outputs).toEqual(['healthy x in s2\n', 'the one called worker x\n', 'instance x\n', 'worker x\n']);
    const unknown = runner.start({ ...task, program: { command: 'sh' } });
    expect(await unknown.ended).toEqual({ kind: 'not-started', reason: 'the command was not checked' });
    expect(await outputOf(runner.start(task))).toBe('worker x\n');
  });

  test('a command that is repeated has the one slot for all of its runs, and one sink', async () => {
    const commands = new Map<string, Command>([
      [
        'healthy',
        [
          'sh',
          '-c',
          'echo look; [ $(ls looks | wc -l) -ge 3 ] || { mktemp looks/XXXXXX > /dev/null; exit 1; }',
        ],
      ],
    ]);
    const looks = join(shop.directory, 'looks');
    await mkdir(looks);
    await chmod(looks, 0o777);
    const runner = await shop.runnerOf(['true'], { commands });
    const parts: string[] = [];
    const task: Task = {
      ...{ program: { command: 'healthy' }, stdin: '', argument: undefined, variables: {} },
      output: { write: (_, chunk) => void parts.push(chunk.toString()) },
    };
    const run = new RepeatedRun({ start: () => runner.start(task), clock: systemClock, delayMs: 5 });
    expect(await run.ended).toEqual({ kind: 'exited', status: 0, stopped: false });
    expect(parts.join('')).toBe('look\n'.repeat(4));
  });

  test('a named command that cannot be run is found at the start', async () => {
    const commands = new Map<string, Command>([
      ['healthy', ['true']],
      ['undo', ['./missing', '-v']],
    ]);
    const runner = shop.runnerOf(['true'], { commands });
    await expect(runner).rejects.toThrow(WorkerMissingError);
    await expect(runner).rejects.toThrow(/"\.\/missing" cannot be run: there is no file .*missing$/);
  });

  test('a program or directory that was removed after the check is a worker that was not started', async () => {
    const gone = join(shop.directory, 'gone');
    await mkdir(gone);
    await writeFile(join(gone, 'worker'), '#!/bin/sh\n');
    await chmod(join(gone, 'worker'), 0o755);
    const runner = await shop.runnerOf(['./worker'], { directory: gone });
    const task = { stdin: '', argument: undefined, variables: {} };
    await chmod(join(gone, 'worker'), 0o644);
    expect(await runner.start(task).ended).toEqual({
      kind: 'not-started',
      reason: expect.stringContaining('EACCES'),
    });
    await writeFile(join(gone, 'worker'), 'x');
    const elsewhere = await shop.runnerOf(['sleep', '0'], { directory: join(gone, 'deeper') });
    expect(await elsewhere.start(task).ended).toEqual({
      kind: 'not-started',
      reason: expect.stringContaining('ENOENT'),
    });
  });

  test('after a NUL character in the argument, the worker is not started; the next one is', async () => {
    const runner = await shop.runnerOf(['true']);
    const task = { stdin: '', argument: 'a\0b', variables: {} };
    expect(await runner.start(task).ended).toMatchObject({ kind: 'not-started' });
    expect(await runner.start({ ...task, argument: 'ab' }).ended).toMatchObject({
      kind: 'exited',
      status: 0,
    });
  });

  test('a background process that holds the output does not delay the end of the job, and is killed', async () => {
    const startMs = performance.now();
    const run = await shop.start('sleep 600 & echo $!');
    const pid = Number(await outputOf(run));
    expect(performance.now() - startMs).toBeLessThan(5000);
    await eventually('the background process to be gone', async () => !(await isRunning(pid)));
  });

  test('one that closed the output is killed as well', async () => {
    const run = await shop.start('sleep 600 > /dev/null 2>&1 & echo $!');
    const pid = Number(await outputOf(run));
    await eventually('the background process to be gone', async () => !(await isRunning(pid)));
  });

  test('large output is read to its end, byte by byte', async () => {
    const hash = createHash('sha256');
    const output: OutputSink = { write: (_, chunk) => void hash.update(chunk) };
    const run = await shop.start('head -c 50000000 /dev/urandom | tee random | cat', { output });
    expect(await run.ended).toMatchObject({ kind: 'exited', status: 0 });
    const written = await readFile(join(shop.directory, 'random'));
    expect(hash.digest('hex')).toBe(createHash('sha256').update(written).digest('hex'));
    expect(written.length).toBe(50_000_000);
  });

  test('an input of many megabytes is complete', async () => {
    const stdin = 'line ä\n'.repeat(8_000_000);
    const run = await shop.start('sha256sum', { stdin });
    const [hash] = (await outputOf(run)).split(' ');
    expect(hash).toBe(createHash('sha256').update(stdin).digest('hex'));
  });

  test('a sink gets all output, and the worker waits for it', async () => {
    let bytes = 0;
    let taken = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const output: OutputSink = {
      write(stream, chunk) {
        expect(stream).toBe('stderr');
        bytes += chunk.length;
        held.resolve();
        return taken.promise;
      },
    };
    const script = 'head -c 20000000 /dev/zero >&2; touch printed';
    const run = await shop.start(script, { output });
    await held.promise;
    // Longer than the time limit for the output of an exited worker. Output that was read is taken meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(bytes).toBeLessThan(2_000_000);
    expect(existsSync(join(shop.directory, 'printed'))).toBe(false);
    const before = taken;
    taken = { ...taken, promise: Promise.resolve() };
    before.resolve();
    expect(await run.ended).toMatchObject({ kind: 'exited', status: 0 });
    expect(bytes).toBe(20_000_000);
  });

  test('output that a sink takes slowly is not lost at the end of the worker', async () => {
    const chunks: Buffer[] = [];
    const output: OutputSink = {
      write(_, chunk) {
        chunks.push(Buffer.from(chunk));
        return new Promise((resolve) => setTimeout(resolve, 300));
      },
    };
    const run = await shop.start('sleep 600 & head -c 200000 /dev/zero', { output });
    await run.ended;
    expect(Buffer.concat(chunks).length).toBe(200_000);
  });

  test('a background process that prints without end does not delay the job, however slow the sink is', async () => {
    const output: OutputSink = { write: () => new Promise((resolve) => setTimeout(resolve, 300)) };
    const run = await shop.start('yes & exit 3', { output });
    expect(await run.ended).toMatchObject({ kind: 'exited', status: 3, stopped: false });
  });

  test('a worker that ends on SIGTERM within its grace period reports how it ended, and that it was stopped', async () => {
    const run = await shop.start('trap "exit 7" TERM; touch ready; sleep 600 & wait');
    await eventually('the trap', () => existsSync(join(shop.directory, 'ready')));
    run.stop(20_000);
    expect(await run.ended).toMatchObject({ kind: 'exited', status: 7, stopped: true });
  });

  test('a worker that does not is killed after the grace period, or at once without one', async () => {
    const script = 'trap "" TERM; touch deaf; while :; do sleep 0.05; done';
    const killed = { kind: 'signalled', signal: 'SIGKILL', stopped: true };
    const run = await shop.start(script);
    await eventually('the trap', () => existsSync(join(shop.directory, 'deaf')));
    const startMs = performance.now();
    run.stop(60_000);
    run.stop(300);
    expect(await run.ended).toMatchObject(killed);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(299);
    const other = await shop.start('exec sleep 600');
    other.stop(0);
    expect(await other.ended).toMatchObject(killed);
  });

  test("an exit that has happened before the stop counts as the worker's own", async () => {
    const run = await shop.start('echo $$ > over');
    // The event loop is blocked while the process ends: its end is reported after the stop.
    const file = join(shop.directory, 'over');
    while (textOf(file) === '');
    // Until it is gone or a zombie.
    while (/\) [^Z]/.test(textOf(`/proc/${Number(textOf(file))}/stat`)));
    for (const untilMs = performance.now() + 200; performance.now() < untilMs; );
    run.stop(1000);
    expect(await run.ended).toMatchObject({ kind: 'exited', status: 0, stopped: false });
  });

  test('a stop after the end does nothing, to the next worker either', async () => {
    const runner = await shop.runnerOf(['sh', '-c', 'sleep 0.1']);
    const task = { stdin: '', argument: undefined, variables: {} };
    const run = runner.start(task);
    await run.ended;
    run.stop(0);
    const next = runner.start(task);
    run.stop(0);
    run.stop(10);
    expect(await next.ended).toMatchObject({ kind: 'exited', status: 0, stopped: false });
  });

  test('no worker outlives its runner', async () => {
    const runner = await shop.runnerOf(['sh', '-c', 'echo $$ > pid; exec sleep 600']);
    const run = runner.start({ stdin: '', argument: undefined, variables: {} });
    const file = join(shop.directory, 'pid');
    const pid = await eventually('its number', async () => {
      return Number(await readFile(file, 'utf8').catch(() => '')) || undefined;
    });
    expect(await isRunning(pid)).toBe(true);
    runner.close();
    await run.ended;
    await eventually('the worker to be gone', async () => !(await isRunning(pid)));
  });
});
