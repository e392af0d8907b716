import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operatorEnvironment } from '../../demo/clients.ts';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { type PlayResult, play, type Result } from '../ansible/collection/playbook.ts';
import { startFleet, type TestFleet } from '../support/fleet.ts';

/** Jobs of the loop, and of the single call. The loop starts the command for each job. */
const LOOPED = 5;
const TOGETHER = 100;
const PROPS: WorkerFleetProps = {
  command: ['./run'],
  workerDirectory: join(import.meta.dirname, '../ansible/collection/worker'),
  concurrency: 4,
  maxCapacity: 1,
  maxAttempts: 1,
};

const says = (text: string, exit = 0) => `echo ${text}; echo ${text} of error >&2; exit ${exit}`;
const bodies = (count: number, text: string) =>
  Array.from({ length: count }, (_, at) => says(`${text}-${at}`));
const job = (name: string, options: object, more: object = {}) => ({
  name,
  'mayfly.fleet.job': options,
  ...more,
});
const wait = (name: string, jids: string, more: object = {}) => ({
  name,
  'mayfly.fleet.job_wait': { jids, poll: 1 },
  ...more,
});
const status = (name: string, options: object, more: object = {}) => ({
  name,
  'mayfly.fleet.job_status': options,
  ...more,
});
const request = (name: string, options: object, more: object = {}) => ({
  name,
  'mayfly.fleet.request': { group: 'shop/web', poll: 1, ...options },
  ...more,
});
const DEPLOY = {
  ...{ id: 'deploy-1', targets: ['s1', { target: 's2', vars: { word: 'ü' } }], serial: [1, -1] },
  ...{ body: 'echo "$MAYFLY_TARGET $MAYFLY_INDEX"', max_fail: '10%', label: 'deploy' },
};
const once = mkdtempSync(join(tmpdir(), 'mayfly-once-'));
const FAILS_ONCE = `mkdir ${once}/run && exit 3; echo again`;
const LATER = { ignore_errors: true };

const TASKS = [
  job('Loop', { body: '{{ item }}', poll: 0 }, { loop: bodies(LOOPED, 'loop'), register: 'looped' }),
  job('Together', { bodies: bodies(TOGETHER, 'together'), poll: 0 }, { register: 'sent' }),
  job('Endless', { body: 'sleep 3600', poll: 0 }, { register: 'endless' }),
  wait('Collect the loop', "{{ looped.results | map(attribute='ansible_job_id') }}"),
  wait('Collect what was sent together', '{{ sent.jids }}'),

  job('Succeeds', { body: says('fine'), async: 20, poll: 1 }),
  job('Fails', { body: says('bad', 3), async: 20 }, LATER),
  job('Takes too long', { body: 'echo begun; sleep 60', async: 5, poll: 1 }, LATER),
  job('Some fail', { bodies: [says('well'), says('ill', 4)], poll: 1 }, LATER),

  job('Fails at first', { body: FAILS_ONCE, dedupe: 'first' }, { ...LATER, register: 'keyed' }),
  job('Fails with its key', { body: FAILS_ONCE, dedupe: 'first' }, LATER),
  status('Retry', { jid: '{{ keyed.ansible_job_id }}', mode: 'retry' }, { register: 'retried' }),
  wait('Wait for the retry', ['{{ retried.ansible_job_id }}'] as unknown as string),
  status('Retry again', { jid: '{{ keyed.ansible_job_id }}', mode: 'retry' }),

  request('Plan', DEPLOY, { check_mode: true }),
  request('Request', DEPLOY),
  request('Request again', DEPLOY),
  request('Request something else', { ...DEPLOY, throttle: 2 }, LATER),
  request('Request that stops', { id: 'deploy-2', targets: ['s3', 's4', 's5'], body: 'exit 3' }, LATER),

  job('Once', { body: says('once'), dedupe: 'once', poll: 0 }, { register: 'once' }),
  job('Once more', { body: says('once'), dedupe: 'once', poll: 1 }),

  status(
    'Look until it has started',
    { jid: '{{ endless.ansible_job_id }}' },
    { register: 'look', until: 'look.started', retries: 40, delay: 1 },
  ),
  status('Clean up while it runs', { jid: '{{ endless.ansible_job_id }}', mode: 'cleanup' }, LATER),
  status('Would cancel', { jid: '{{ endless.ansible_job_id }}', mode: 'cancel' }, { check_mode: true }),
  status('Cancel', { jid: '{{ endless.ansible_job_id }}', mode: 'cancel' }),
  wait('Wait for the cancelled one', ['{{ endless.ansible_job_id }}'] as unknown as string, LATER),
  status('Cancel again', { jid: '{{ endless.ansible_job_id }}', mode: 'cancel' }),
  status('Clean up', { jid: '{{ endless.ansible_job_id }}', mode: 'cleanup' }),
  status(
    'Look at what is gone',
    { jid: '{{ endless.ansible_job_id }}' },
    { ...LATER, register: 'gone', until: 'gone.finished', retries: 30, delay: 5 },
  ),
];

let fleet: TestFleet;
let played: PlayResult;
const environment = () => ({
  ...operatorEnvironment(fleet.cloud),
  MAYFLY_STACK: 'Test',
});

beforeAll(async () => {
  fleet = await startFleet(PROPS);
  played = await play(TASKS, { env: environment() });
}, 660_000);
afterAll(async () => {
  await fleet?.close();
  rmSync(once, { recursive: true, force: true });
});

const of = (name: string) => played.of(name);
const ids = (jobs: readonly Result[] = []) => jobs.map(({ ansible_job_id }) => ansible_job_id);

describe('a playbook', () => {
  test('sends a job for each item of a loop, continues, and collects their output', () => {
    const sent = of('Loop').result.results ?? [];
    expect(new Set(ids(sent)).size, played.output).toBe(LOOPED);
    expect(sent.every(({ changed, finished }) => changed && !finished)).toBe(true);
    const { jobs = [], states } = of('Collect the loop').result;
    expect(states).toEqual({ succeeded: LOOPED });
    expect(ids(jobs)).toEqual(ids(sent));
    expect(jobs.map(({ stdout }) => stdout)).toEqual(sent.map((_, at) => `loop-${at}`));
  });

  test('sends hundreds in one call', () => {
    expect(of('Together').result).toMatchObject({ changed: true });
    const { jobs = [], states } = of('Collect what was sent together').result;
    expect(states).toEqual({ succeeded: TOGETHER });
    expect(jobs.map(({ stdout }) => stdout)).toEqual(bodies(TOGETHER, 'x').map((_, at) => `together-${at}`));
  });

  test('waits for a job, and gets its result', () => {
    expect(of('Succeeds')).toMatchObject({
      outcome: 'ok',
      result: {
        changed: true,
        started: true,
        finished: true,
        rc: 0,
        state: 'succeeded',
        stdout: 'fine',
        stderr: 'fine of error',
      },
    });
  });

  test('fails a task whose job has failed, with the result of the job', () => {
    expect(of('Fails')).toMatchObject({
      outcome: 'ignored',
      result: { rc: 3, state: 'failed', stdout: 'bad', stderr: 'bad of error', msg: /./ },
    });
    expect(of('Some fail')).toMatchObject({
      outcome: 'ignored',
      result: {
        states: { succeeded: 1, failed: 1 },
        jobs: [{ rc: 0 }, { rc: 4, stdout: 'ill' }],
        msg: expect.stringMatching(/^1 of 2 jobs did not succeed \(1 failed, 1 succeeded\)/),
      },
    });
  });

  test('gets the output of a job that was killed at its limit', () => {
    expect(of('Takes too long')).toMatchObject({
      outcome: 'ignored',
      result: { rc: 124, state: 'timed_out', finished: true, stdout: 'begun' },
    });
  });

  test('makes a request once, and plans it in check mode', () => {
    const batches = [{ targets: [{ target: 's1' }] }, { targets: [{ target: 's2' }] }];
    expect(of('Plan').result).toMatchObject({ changed: true, count: 2, plan: { groups: [{ batches }] } });
    const all = {
      finished: true,
      state: 'ended',
      count: 2,
      msg: 'All 2 jobs of request deploy-1 succeeded.',
    };
    expect(of('Request')).toMatchObject({ outcome: 'ok', result: { changed: true, resumed: false, ...all } });
    expect(of('Request again')).toMatchObject({
      outcome: 'ok',
      result: { changed: false, resumed: true, ...all },
    });
    expect(of('Request something else')).toMatchObject({
      outcome: 'ignored',
      result: { msg: expect.stringContaining('There is a request deploy-1 with other targets') },
    });
  });

  test('fails a task whose request is stopped by a failure, with what is held', () => {
    const { outcome, result } = of('Request that stops');
    expect({ outcome, result }).toMatchObject({
      outcome: 'ignored',
      result: {
        ...{ finished: false, state: 'stopped', changed: true },
        request: { failed: 1, held: 2, failedJobs: [{ target: 's3', exitStatus: 3 }] },
        msg: expect.stringMatching(
          /^Request deploy-2 is stopped: shop\/web: 1 of the 3 jobs of batch 1 failed\. /,
        ),
      },
    });
  });

  test('sends a job of the same key once', () => {
    expect(of('Once').result).toMatchObject({ changed: true, deduplicated: false });
    expect(of('Once more').result).toMatchObject({
      ansible_job_id: of('Once').result.ansible_job_id,
      changed: false,
      deduplicated: true,
      stdout: 'once',
    });
  });

  test('retries a job that has failed, once', () => {
    const first = of('Fails at first').result.ansible_job_id;
    expect(of('Fails with its key').result).toMatchObject({ ansible_job_id: first, rc: 3, changed: false });
    const { ansible_job_id } = of('Retry').result;
    expect(of('Retry').result).toMatchObject({ changed: true, retry_of: first });
    expect(of('Retry again')).toMatchObject({
      outcome: 'ok',
      result: { ansible_job_id, changed: false, state: 'succeeded', rc: 0 },
    });
  });

  test('cancels a job that runs, once', () => {
    expect(of('Would cancel').result).toMatchObject({ changed: true, state: 'running' });
    expect(of('Cancel')).toMatchObject({ outcome: 'ok', result: { changed: true } });
    expect(of('Wait for the cancelled one')).toMatchObject({
      outcome: 'ignored',
      result: { states: { cancelled: 1 }, finished: true },
    });
    expect(of('Cancel again')).toMatchObject({
      outcome: 'ok',
      result: { changed: false, state: 'cancelled' },
    });
  });

  test('cleans up a job that has ended, and not before', () => {
    expect(of('Clean up while it runs')).toMatchObject({
      outcome: 'ignored',
      result: { msg: expect.stringContaining('has not ended') },
    });
    expect(of('Clean up')).toMatchObject({ outcome: 'ok', result: { changed: true } });
  });

  test('learns at once that an id is unknown, which is not finished', () => {
    expect(of('Look at what is gone')).toMatchObject({
      outcome: 'ignored',
      result: { state: 'unknown', finished: false, rc: null },
    });
    expect(played.status).toBe(0);
  });

  test('that could send only some of its jobs says which, and sends the rest when it runs again', async () => {
    const denied = { kind: 'error', code: 'AccessDenied', message: 'It is denied.', status: 403 } as const;
    const isLater = ({ Entries }: Record<string, unknown>) =>
      !JSON.stringify(Entries).includes('echo part-0;');
    const fault = fleet.cloud.faults.add({
      service: 'sqs',
      action: 'SendMessageBatch',
      when: isLater,
      effect: denied,
    });
    const journal = join(fleet.directory, 'playbook.journal');
    const run = () =>
      play([job('Send', { bodies: bodies(40, 'part'), journal, poll: 0 })], { env: environment() });
    const first = await run();
    const { jids = [], unsent, msg } = first.of('Send').result;
    expect(first.of('Send').outcome, first.output).toBe('failed');
    expect(jids.length).toBeGreaterThan(0);
    expect([...jids.map((_, at) => at), ...(unsent as number[])]).toEqual(bodies(40, '').map((_, at) => at));
    expect(msg).toMatch(
      /^\d+ of the 40 jobs were sent \(lines 1 to \d+\)\. .*The sent jobs are in .*journal: the same task/,
    );
    expect(msg).not.toMatch(/The same command|jobs\.jsonl/);
    fault.remove();
    const second = (await run()).of('Send');
    expect(second.outcome).toBe('ok');
    expect(second.result.jids?.slice(0, jids.length)).toEqual(jids);
    expect(new Set(second.result.jids).size).toBe(40);
  }, 660_000);

  test('in check mode runs to its end and sends nothing', async () => {
    const sends = () => readFileSync(fleet.cloud.logFile, 'utf8').match(/"SendMessage(Batch)?"/g)?.length;
    const before = sends();
    const { status, told, output, of } = await play(TASKS.slice(0, 5), {
      env: environment(),
      words: ['--check'],
    });
    expect(status, output).toBe(0);
    expect(told.map(({ outcome }) => outcome)).toEqual(TASKS.slice(0, 5).map(() => 'ok'));
    expect(of('Collect the loop').result).toMatchObject({ states: { skipped: LOOPED }, finished: true });
    expect(sends()).toBe(before);
  }, 660_000);
});
