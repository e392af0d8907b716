import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatVerdict } from '../../checker/report.ts';
import { operatorEnvironment } from '../../demo/clients.ts';
import { startFleet, type TestFleet } from '../support/fleet.ts';
import { isRunning } from '../support/processes.ts';
import { onTerminal } from '../support/pty.ts';

// The verbs on a running fleet. All tests share one fleet.
const BIN = resolve(import.meta.dirname, '../../bin/mayfly.js');
/** Instances stay from test to test, so that few tests wait for a boot. */
const PROPS = { idleTimeout: Duration.seconds(8), lease: Duration.seconds(10) };
let fleet: TestFleet;
let directory: string;
let env: Record<string, string>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-verbs-'));
  fleet = await startFleet(PROPS);
  env = {
    ...operatorEnvironment(fleet.cloud),
    MAYFLY_STACK: 'Test',
    NODE_COMPILE_CACHE: resolve(BIN, '../../node_modules/.cache/mayfly'),
  };
  await mayfly('wait', await enqueue({}));
});
afterAll(async () => {
  await fleet?.close();
  await rm(directory, { recursive: true, force: true });
});

const mayfly = (...args: string[]) =>
  execa(process.execPath, [BIN, ...args], {
    cwd: directory,
    env,
    extendEnv: false,
    reject: false,
    input: '',
  });
const terminal = (line: string) => onTerminal(`${process.execPath} ${BIN} ${line}`, { cwd: directory, env });

/** Enqueues a job and returns its id. The checker accounts for it. */
async function enqueue(orders: object, ...options: string[]): Promise<string> {
  const { stdout, stderr } = await mayfly('enqueue', ...options, JSON.stringify(orders));
  expect(stderr).toBe('');
  fleet.account(stdout);
  return stdout;
}

const viewOf = async (id: string) => JSON.parse((await mayfly('status', '--json', id)).stdout);

it('enqueue --poll on a terminal shows the progress of a job, and then its result', async () => {
  const orders = { untilFile: join(directory, 'seen'), shell: "printf 'hello\\n\\033]0;owned\\007'" };
  await writeFile(join(directory, 'orders'), JSON.stringify(orders));
  const pty = terminal('enqueue --async 60 --poll 0.3 --file orders --whole');
  await pty.shows(/running on i-[0-9a-f]+, \d/);
  await writeFile(join(directory, 'seen'), '');
  expect(await pty.ended()).toBe(0);
  const screen = pty.screen();
  // The progress line is removed before the result is shown.
  expect(screen).toMatch(/\r\p{Cc}\[2K\p{Cc}\[1mj-[a-z0-9]+\p{Cc}\[22m {2}\p{Cc}\[32msucceeded/u);
  expect(screen).toContain(' hello\r\n');
  expect(screen).toContain('\\x1b]0;owned\\x07');
  expect(screen).not.toContain('\x1b]0;');
  fleet.account(/j-[a-z0-9]{12}/.exec(screen)?.[0] ?? '');
});

it('a job that exceeds its limit is killed, and a pipe gets no escape sequences', async () => {
  const orders = { sleepMs: 60_000, ignoreSigterm: true };
  const { stdout, stderr, exitCode } = await mayfly(
    ...['enqueue', '--async', '5', '--poll', '0.5', '--json'],
    JSON.stringify(orders),
  );
  const job = JSON.parse(stdout);
  fleet.account(job.id);
  expect(exitCode).toBe(124);
  expect(job).toMatchObject({ state: 'timed_out', finished: true, limitSeconds: 5 });
  expect(stderr).not.toMatch(/(?!\n)\p{Cc}/u);
  const { pid } = await fleet.event('start', job.id);
  expect(isRunning(pid)).toBe(false);
});

it('wait exits with the exit status of the worker', async () => {
  const id = await enqueue({ exit: 65 });
  expect((await mayfly('wait', id)).exitCode).toBe(65);
  const { stdout } = await mayfly('status', '--ansible', id);
  expect(JSON.parse(stdout)).toMatchObject({ ansible_job_id: id, finished: 1, failed: true, rc: 65 });
});

it('the log of a job is followed until the job is cancelled', async () => {
  const id = await enqueue({ shell: 'echo begun', sleepMs: 60_000 });
  const pty = terminal(`logs -f ${id}`);
  await pty.shows('begun');
  const { stdout, exitCode } = await mayfly('cancel', '--wait', id);
  expect({ stdout, exitCode }).toEqual({ stdout: `${id} is cancelled.`, exitCode: 0 });
  expect(await pty.ended()).toBe(0);
  expect((await mayfly('wait', id)).exitCode).toBe(122);
  const { pid } = await fleet.event('start', id);
  expect(isRunning(pid)).toBe(false);
});

it('a job that failed is retried as a new one', async () => {
  const id = await enqueue({ exit: 65, shell: 'echo again' });
  await mayfly('wait', id);
  const { stdout } = await mayfly('retry', id);
  fleet.account(stdout);
  expect((await mayfly('wait', stdout)).exitCode).toBe(65);
  expect(await viewOf(stdout)).toMatchObject({ retryOf: id, state: 'failed' });
});

it('a running job is cleaned up only with --force, and leaves no process', async () => {
  const id = await enqueue({ sleepMs: 60_000, grandchild: true });
  const { pid } = await fleet.event('start', id);
  const refused = await mayfly('cleanup', id);
  expect(refused.stderr).toContain(`Job ${id} has not ended`);
  expect(refused.exitCode).toBe(1);
  expect(isRunning(pid)).toBe(true);
  expect((await mayfly('cleanup', '--force', id)).exitCode).toBe(0);
  expect(isRunning(pid)).toBe(false);
  expect((await mayfly('status', id)).exitCode).toBe(120);
});

it('one shell command sends a file of jobs and waits for them', async () => {
  await writeFile(join(directory, 'jobs.txt'), Array.from({ length: 40 }, (_, n) => `job ${n}\n`).join(''));
  const command = `${process.execPath} ${BIN}`;
  const { stdout, exitCode } = await execa(
    'sh',
    [
      '-c',
      `${command} enqueue --file jobs.txt | tee ids.txt | ${command} wait -; status=$?; cat ids.txt; exit $status`,
    ],
    { cwd: directory, env, extendEnv: false, reject: false },
  );
  const [summary, ...ids] = stdout.split('\n');
  expect(exitCode).toBe(0);
  expect(summary).toBe('40 jobs: 40 succeeded');
  expect(ids).toHaveLength(40);
  fleet.account(...ids);
});

it.each([
  [{ MAYFLY_STACK: 'Other' }, 1, /Other/],
  [{ MAYFLY_STACK: '', MAYFLY_OUTPUTS: 'gone.json' }, 2, /gone\.json/],
  [
    { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', HOME: '/nonexistent' },
    1,
    /No AWS credentials were found/,
  ],
  [{ AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }, 1, /No answer from/],
])('a fleet that is not found gives a one-line error: %j', async (other, status, sentence) => {
  const { stdout, stderr, exitCode } = await execa(process.execPath, [BIN, 'status', 'j-1'], {
    cwd: directory,
    env: { ...env, ...other },
    extendEnv: false,
    reject: false,
  });
  expect(stderr).toMatch(sentence);
  expect(stderr).toMatch(/^mayfly: [^\n]+$/);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
});

it('the checker finds no violations', async () => {
  await fleet.backToZero(50_000);
  const verdict = await fleet.judge();
  if (!verdict.ok) throw new Error(formatVerdict(verdict));
}, 180_000);
