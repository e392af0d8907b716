import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RepeatedRun } from '../../../agent/runner/repeated-run.ts';
import type { Run, Task } from '../../../agent/runner/runner.ts';
import { systemClock } from '../../../aws/clock.ts';
import { missingForSlots } from '../../../bench/setup/slot-sockets.ts';
import { eventually } from '../../support/eventually.ts';
import { openProcessBench, openSlotBench, outputOf, type RunnerBench } from '../../support/runner-kinds.ts';

const SECRET = 'line one\nü\0 $(not run)\n';
const TASK: Task = { stdin: '', argument: undefined, variables: {} };

/** Applies to every worker, however it is started. */
describe.each([
  ['a plain process', openProcessBench, undefined],
  ['a slot', openSlotBench, missingForSlots()],
])('a worker as %s', (_, open, whyNot) => {
  let shop: RunnerBench;

  beforeEach(({ skip }) => skip(whyNot !== undefined, whyNot));
  beforeAll(async () => {
    if (!whyNot) shop = await open();
  });
  afterEach(() => rm(join(shop.directory, 'path'), { force: true }));
  afterAll(() => shop?.close());

  /** The path that a worker writes to the file `path`. */
  const notedPath = () =>
    eventually('its path', async () => {
      return (await readFile(join(shop.directory, 'path'), 'utf8').catch(() => '')).trim() || undefined;
    });

  /** Starts a worker that first notes the path of its file. */
  async function startWithFile(script: string): Promise<{ run: Run; path: string }> {
    const run = await shop.start(`echo "$KEY" > path; ${script}`, { files: { KEY: SECRET } });
    return { run, path: await notedPath() };
  }

  describe('has the files of its task', () => {
    test('with their content, for itself alone', async () => {
      const script = 'stat -c "%a %F" "$KEY" "$(dirname "$KEY")"; [ -O "$KEY" ] && cat "$KEY"; cat "$EMPTY"';
      const run = await shop.start(script, { files: { KEY: SECRET, EMPTY: '' } });
      expect(await outputOf(run)).toBe(`400 regular file\n700 directory\n${SECRET}`);
    });

    test('outside of the worker directory, with nothing of them in arguments and variables', async () => {
      const script = 'cat /proc/$$/cmdline /proc/$$/environ; cd "$(dirname "$KEY")"; pwd';
      const run = await shop.start(script, { files: { KEY: SECRET } });
      const output = await outputOf(run);
      expect(output).not.toContain('line one');
      expect(output.split('\n').at(-2)).not.toContain(shop.directory);
    });

    test('up to the longest content', async () => {
      const run = await shop.start('wc -c < "$KEY"', { files: { KEY: 'ü'.repeat(32_768) } });
      expect((await outputOf(run)).trim()).toBe('65536');
    });

    test.each<[string, Partial<Task>, string]>([
      [
        'a content that is too long',
        { files: { SHORT: 'x', KEY: `secret${'ü'.repeat(32_768)}` } },
        'the file of KEY has 65542 bytes, and a file has at most 65536',
      ],
      [
        'a content that has no UTF-8 form',
        { files: { KEY: 'secret \ud800' } },
        'the file of KEY has no UTF-8 form: it has half of a surrogate pair',
      ],
      [
        'a path instead of a name',
        { files: { '../KEY': 'secret' } },
        '"../KEY" is not the name of a variable that can have a file',
      ],
      [
        "the result's name",
        { files: { MAYFLY_RESULT: 'secret' } },
        '"MAYFLY_RESULT" is not the name of a variable that can have a file',
      ],
      [
        'a NUL character in a variable',
        { variables: { KEY: 'secret\0' } },
        'the variable "KEY" has a NUL character',
      ],
    ])(
      '%s: it is not started, and the reason names the variable without its value',
      async (_, task, reason) => {
        const run = await shop.start('touch started', task);
        expect(await run.ended).toEqual({ kind: 'not-started', reason });
        expect(existsSync(join(shop.directory, 'started'))).toBe(false);
      },
    );
  });

  describe('its files are gone when it has ended', () => {
    test.each([
      ['by itself', 'exit 0'],
      ['by a signal', 'kill -9 $$'],
      ['with a result', 'echo x > $MAYFLY_RESULT'],
      [
        'with more beside them',
        'cd $(dirname $KEY); mkdir -p a/b; echo x > a/b/c; ln -s / a/root; mkfifo p; chmod 0 a/b a .',
      ],
      ['without them', 'rm -r $(dirname $KEY)'],
      ['with a file in the place of their directory', 'd=$(dirname $KEY); rm -r $d; echo x > $d'],
    ])('%s', async (_, script) => {
      const { run, path } = await startWithFile(script);
      expect((await run.ended).kind).not.toBe('not-started');
      expect(existsSync(dirname(path))).toBe(false);
      expect(await outputOf(await shop.start('cat "$KEY"', { files: { KEY: 'next' } }))).toBe('next');
    });

    test('with a link in the place of their directory, behind which nothing is removed', async () => {
      const kept = join(shop.directory, 'kept');
      await mkdir(kept, { mode: 0o777 });
      await writeFile(join(kept, 'MAYFLY_RESULT'), 'x', { mode: 0o666 });
      const { run, path } = await startWithFile(`d=$(dirname $KEY); rm -r $d; ln -s ${kept} $d`);
      await run.ended;
      expect(existsSync(dirname(path))).toBe(false);
      expect(readdirSync(kept)).toEqual(['MAYFLY_RESULT']);
    });

    test('by a stop', async () => {
      const { run, path } = await startWithFile('exec sleep 600');
      expect(existsSync(path)).toBe(true);
      run.stop(0);
      expect(await run.ended).toMatchObject({ kind: 'signalled', stopped: true });
      expect(existsSync(dirname(path))).toBe(false);
    });

    test('with its runner', async () => {
      const runner = await shop.runnerOf(['sh', '-c', 'echo "$KEY" > path; exec sleep 600']);
      const run = runner.start({ ...TASK, files: { KEY: SECRET } });
      const path = await notedPath();
      runner.close();
      await run.ended;
      await eventually('the files to be gone', () => !existsSync(dirname(path)));
    });

    test('before it began: its program cannot be run', async () => {
      const program = join(shop.directory, 'program');
      await writeFile(program, '#!/bin/sh\necho $KEY\n', { mode: 0o755 });
      await chmod(program, 0o755);
      const runner = await shop.runnerOf(['./program']);
      const path = (await outputOf(runner.start({ ...TASK, files: { KEY: SECRET } }))).trim();
      await chmod(program, 0o644);
      const run = runner.start({ ...TASK, files: { KEY: SECRET } });
      expect((await run.ended).kind).toBe('not-started');
      const parent = dirname(dirname(path));
      const own = readdirSync(parent).filter((name) => name.startsWith(`mayfly-${process.pid}-`));
      expect(own).toEqual([]);
      expect(existsSync(path)).toBe(false);
    });
  });

  describe('has a result', () => {
    const problem = (text: string) => ({ problem: text });

    test.each([
      ['a line', 'echo "done ü" > $MAYFLY_RESULT', { text: 'done ü\n' }],
      ['a NUL character', 'printf "a\\0b" > $MAYFLY_RESULT', { text: 'a\0b' }],
      ['the longest', 'head -c 4096 /dev/zero | tr "\\0" x > $MAYFLY_RESULT', { text: 'x'.repeat(4096) }],
      ['none', ':', undefined],
      ['an empty one', ': > $MAYFLY_RESULT', undefined],
      ['one without its directory', 'rm -r $(dirname $MAYFLY_RESULT)', undefined],
      [
        'one that is too long',
        'head -c 4097 /dev/zero | tr "\\0" x > $MAYFLY_RESULT',
        problem('it has 4097 bytes, and a result has at most 4096'),
      ],
      [
        'one of a terabyte',
        'truncate -s 1T $MAYFLY_RESULT',
        problem('it has 1099511627776 bytes, and a result has at most 4096'),
      ],
      ['one that is not UTF-8', 'printf "a\\377" > $MAYFLY_RESULT', problem('it is not UTF-8')],
      ['a link', 'ln -s /etc/hostname $MAYFLY_RESULT', problem('it is not a regular file')],
      ['a link to nothing', 'ln -s /nowhere $MAYFLY_RESULT', problem('it is not a regular file')],
      ['a FIFO', 'mkfifo $MAYFLY_RESULT', problem('it is not a regular file')],
      ['a directory', 'mkdir $MAYFLY_RESULT', problem('it is not a regular file')],
      [
        'a socket',
        `python3 -c 'import os, socket; socket.socket(socket.AF_UNIX).bind(os.environ["MAYFLY_RESULT"])'`,
        problem('it is not a regular file'),
      ],
      [
        'one below a file',
        'd=$(dirname $MAYFLY_RESULT); rmdir $d; echo x > $d',
        problem('it cannot be read (ENOTDIR)'),
      ],
    ])('%s', async (_, script, result) => {
      const run = await shop.start(script);
      expect(await run.ended).toEqual({
        ...{ kind: 'exited', status: 0, stopped: false },
        ...(result && { result }),
      });
    });

    test('however it ended', async () => {
      const killed = await shop.start('echo x > $MAYFLY_RESULT; kill -9 $$');
      expect(await killed.ended).toMatchObject({ kind: 'signalled', result: { text: 'x\n' } });
      const ready = join(shop.directory, 'ready');
      const stopped = await shop.start(
        'trap "echo y > $MAYFLY_RESULT; exit 7" TERM; touch ready; sleep 600 & wait',
      );
      await eventually('the trap', () => existsSync(ready));
      stopped.stop(20_000);
      expect(await stopped.ended).toEqual({
        ...{ kind: 'exited', status: 7, stopped: true },
        result: { text: 'y\n' },
      });
    });

    test('of its own: the one before has left nothing', async () => {
      const runner = await shop.runnerOf(['sh', '-c', 'cat $MAYFLY_RESULT; echo $KEY > $MAYFLY_RESULT']);
      await runner.start(TASK).ended;
      const next = runner.start(TASK);
      expect(await outputOf(next)).toMatch(/No such file/);
    });

    test('of its last run, if it is repeated', async () => {
      const looks = join(shop.directory, 'looks');
      await mkdir(looks);
      await chmod(looks, 0o777);
      const script =
        'mktemp looks/XXXXXX > /dev/null; n=$(ls looks | wc -l); echo $n > $MAYFLY_RESULT; [ $n = 3 ]';
      const runner = await shop.runnerOf(['sh', '-c', script]);
      const run = new RepeatedRun({ start: () => runner.start(TASK), clock: systemClock, delayMs: 5 });
      expect(await run.ended).toMatchObject({ kind: 'exited', status: 0, result: { text: '3\n' } });
    });
  });
});
