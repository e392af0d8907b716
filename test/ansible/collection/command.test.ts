import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ansibleEnvironment, type PlayResult, play } from './playbook.ts';
import { type Answers, standIn } from './stand-in.ts';

/** Tasks, and a program that answers them instead of the command. */
interface Scene {
  answers: Answers;
  tasks: object[];
}

const job = (options: object, more: object = {}) => ({ 'mayfly.fleet.job': options, ...more });
const status = (options: object, more: object = {}) => ({ 'mayfly.fleet.job_status': options, ...more });
const wait = (options: object, more: object = {}) => ({ 'mayfly.fleet.job_wait': options, ...more });
const request = (options: object, more: object = {}) => ({ 'mayfly.fleet.request': options, ...more });
const lines = (...values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');

const DONE = {
  ansible_job_id: 'j-1',
  started: 1,
  finished: 1,
  failed: false,
  rc: 0,
  stdout: 'ok\nfine\n',
  stderr: '',
  msg: 'It succeeded.',
  state: 'succeeded',
};
const RUNNING = { ...DONE, finished: 0, rc: null, state: 'running' };
const UNKNOWN = {
  ...DONE,
  ansible_job_id: 'j-9',
  started: 0,
  finished: 0,
  failed: true,
  rc: null,
  stdout: '',
  msg: 'There is no job j-9.',
  state: 'unknown',
};
const UNTIL = { until: 'job.finished', retries: 2, delay: 0, register: 'job' };

/** The command's advice for a person. */
const ADVICE =
  'The same command sends the rest. What was sent is in FILE.mayfly; a job that is sent twice runs once.';

const SENT = { enqueue: { stdout: lines({ line: 1, id: 'j-1', deduplicated: false }) } };
const FAILS = {
  wait: { stdout: JSON.stringify({ id: 'j-1' }), status: 3 },
  status: { stdout: JSON.stringify({ ...DONE, failed: true, rc: 3, state: 'failed', msg: 'failed' }) },
};

/** The output of `mayfly wait --progress json` on stderr. */
const looks = (
  total: number,
  ...all: [waitedSeconds: number, running: number, ended: number, failed: number][]
) =>
  lines(
    ...all.map(([waitedSeconds, running, ended, failed]) => ({
      ...{ waitedSeconds, total, ended, failed, running, retrying: 0 },
    })),
  );

const MADE = { 'request run': { stdout: JSON.stringify({ id: 'req-1', count: 2, resumed: false }) } };
const ENDED = {
  ...{ id: 'req-1', state: 'ended', endedAt: 'then', count: 2, succeeded: 2, failed: 0, cancelled: 0 },
  ...{ running: 0, held: 0, skipped: 0, groups: [], failedJobs: [] },
};
const requestLooks = (...all: [waitedSeconds: number, succeeded: number, running: number, held: number][]) =>
  lines(
    ...all.map(([waitedSeconds, succeeded, running, held]) => ({
      ...{ waitedSeconds, state: 'open', total: 2, succeeded, failed: 0, cancelled: 0, running, held },
    })),
  );

/** Each task has a unique name, by which its result is found. */
const SCENES: Record<string, Scene> = {
  'one body': {
    answers: SENT,
    tasks: [
      job({
        ...{ body: 'secret "ü"\n', async: 5, poll: 0, delay: 1, dedupe: 'k', label: 'l' },
        ...{ stack: 'S', region: 'r' },
      }),
    ],
  },
  'async and no poll': { answers: { ...SENT, ...FAILS }, tasks: [job({ body: 'a', async: 5 })] },
  'neither async nor poll': { answers: { ...SENT, ...FAILS }, tasks: [job({ body: 'a' })] },
  'async of 0': { answers: { ...SENT, ...FAILS }, tasks: [job({ body: 'a', async: 0, poll: 0 })] },
  'many jobs': {
    answers: {
      enqueue: {
        stdout: lines(
          { line: 1, id: 'j-1' },
          { line: 2, id: 'd-2', deduplicated: true },
          { line: 3, id: 'j-3' },
        ),
      },
    },
    tasks: [
      job({
        ...{ async: 60, poll: 0 },
        jobs: [
          { body: { picture: 'ü.png' } },
          { body: 42, dedupe: 'k', async: 5 },
          { body: ['a', true], async: 0 },
        ],
      }),
    ],
  },
  'a label for all but one': {
    answers: {
      enqueue: { stdout: lines({ line: 1, id: 'j-1' }, { line: 2, id: 'j-2' }) },
      wait: { status: 3 },
      status: {
        stdout: JSON.stringify([
          { ...DONE, label: 'own', result: { recap: { ok: 3 }, message: '{{ 1 + 1 }}' } },
          {
            ...DONE,
            result_error: 'it is not UTF-8',
            ansible_job_id: 'j-2',
            failed: true,
            rc: 3,
            state: 'failed',
            msg: 'failed',
            label: 'all',
          },
        ]),
      },
    },
    tasks: [job({ label: 'all', max_output: 7, jobs: [{ body: 'a', label: 'own' }, { body: 'b' }] })],
  },
  'no jobs': { answers: {}, tasks: [job({ bodies: [] })] },
  'check mode, waiting': {
    answers: {},
    tasks: [job({ body: 'x', async: 5 }, { check_mode: true })],
  },
  'check mode, waiting for many': {
    answers: {},
    tasks: [job({ bodies: ['x', 'y'] }, { check_mode: true })],
  },
  'check mode': { answers: {}, tasks: [job({ body: 'x', poll: 0 }, { check_mode: true })] },
  status: { answers: { status: { stdout: JSON.stringify(DONE) } }, tasks: [status({ jid: 'j-1' })] },
  'a part sent': {
    answers: {
      enqueue: {
        stdout: lines({ line: 1, id: 'j-1' }, { line: 3, id: 'j-3' }),
        stderr: `sending\nmayfly: 2 of the 4 jobs of FILE were sent (lines 1, 3). The queue is gone. ${ADVICE}\n`,
        status: 1,
      },
    },
    tasks: [job({ bodies: ['a', 'b', 'c', 'd'], poll: 1, journal: '/tmp/sent' })],
  },
  'sent and not followed': {
    answers: {
      enqueue: { stdout: lines({ line: 1, id: 'j-1' }) },
      wait: { stderr: 'mayfly: Throttled.\n', status: 1 },
      status: { stderr: 'mayfly: The table is gone.\n', status: 1 },
    },
    tasks: [job({ body: 'a', poll: 1 })],
  },
  'time is over': {
    answers: {
      wait: { status: 123, stdout: lines({ id: 'j-1' }) },
      status: { stdout: JSON.stringify([RUNNING, DONE]).replace('"j-1"', '"j-2"') },
    },
    tasks: [wait({ jids: ['j-1', 'j-2', 'j-1'], timeout: 3, poll: 2 })],
  },
  'one that takes long': {
    answers: {
      ...SENT,
      ...FAILS,
      wait: { stderr: looks(1, [0.2, 0, 0, 0], [1.2, 0, 0, 0], [1.9, 1, 0, 0], [2.3, 1, 0, 0]), status: 3 },
    },
    tasks: [job({ body: 'a', poll: 1 })],
  },
  'many that take long': {
    answers: {
      wait: { stderr: `progress\n${looks(2, [5, 2, 0, 0], [5.1, 2, 0, 0], [9, 1, 1, 1], [12, 0, 2, 1])}` },
      status: { stdout: JSON.stringify([DONE, { ...DONE, ansible_job_id: 'j-2' }]) },
    },
    tasks: [wait({ jids: ['j-1', 'j-2', 'not-sent'], poll: 4 })],
  },
  'options that are null': {
    answers: { wait: {}, status: { stdout: JSON.stringify({ ...DONE, ansible_job_id: 'j-7' }) } },
    tasks: [wait({ jids: ['j-7'], poll: null, timeout: null, max_output: null, fleet: null })],
  },
  'unknown, until': {
    answers: { status: { stdout: JSON.stringify(UNKNOWN), status: 120 } },
    tasks: [status({ jid: 'j-9' }, UNTIL)],
  },
  'unknown, until and failed_when': {
    answers: { status: { stdout: JSON.stringify(UNKNOWN), status: 120 } },
    tasks: [status({ jid: 'j-9' }, { ...UNTIL, failed_when: false })],
  },
  retried: {
    answers: {
      retry: { stdout: lines({ id: 'd-2', retryOf: 'j-1', outcome: 'retried' }) },
      status: { stdout: JSON.stringify({ ...RUNNING, ansible_job_id: 'd-2', retry_of: 'j-1' }) },
    },
    tasks: [status({ jid: 'j-1', mode: 'retry' })],
  },
  'retried before': {
    answers: {
      retry: { stdout: lines({ id: 'd-2', retryOf: 'j-1', outcome: 'repeated' }) },
      status: { stdout: JSON.stringify({ ...DONE, ansible_job_id: 'd-2', retry_of: 'j-1' }) },
    },
    tasks: [status({ jid: 'j-1', mode: 'retry' })],
  },
  'not to be retried': {
    answers: {
      retry: {
        stdout: lines({ retryOf: 'j-1', outcome: 'refused', why: 'Its body is kept nowhere.' }),
        status: 1,
      },
      status: { stdout: JSON.stringify({ ...DONE, failed: true, rc: 3, state: 'failed' }) },
    },
    tasks: [status({ jid: 'j-1', mode: 'retry' })],
  },
  'would be retried': {
    answers: { status: { stdout: JSON.stringify({ ...DONE, failed: true, rc: 3, state: 'failed' }) } },
    tasks: [status({ jid: 'j-1', mode: 'retry' }, { check_mode: true })],
  },
  'cleaned up': {
    answers: {
      status: { stdout: JSON.stringify({ ...DONE, failed: true, rc: 3, state: 'failed', label: 'l' }) },
      cleanup: { stdout: lines({ id: 'j-1', outcome: 'removed', objects: 2 }) },
    },
    tasks: [status({ jid: 'j-1', mode: 'cleanup', max_output: 9 })],
  },
  'cleaned up by force': {
    answers: {
      status: { stdout: JSON.stringify(RUNNING) },
      cancel: { stdout: lines({ id: 'j-1', outcome: 'requested' }) },
      cleanup: { stdout: lines({ id: 'j-1', outcome: 'removed', objects: 0 }) },
    },
    tasks: [status({ jid: 'j-1', mode: 'cleanup', force: true })],
  },
  'a request that ends': {
    answers: {
      ...MADE,
      'request wait': {
        stdout: JSON.stringify(ENDED),
        stderr: requestLooks([0, 0, 1, 1], [5, 1, 1, 0], [9, 2, 0, 0]),
      },
    },
    tasks: [
      request({
        ...{
          stack: 'S',
          group: 'shop/web',
          id: 'req-1',
          body: 'go',
          serial: [1, '30%', -1],
          max_fail: '10%',
        },
        ...{ async: 60, any_errors_fatal: true, keep_going: false, healthy: 'http', check_limit: 9, poll: 4 },
        targets: ['s1', { target: 's2', vars: { zone: 'ü', secret: null } }],
      }),
    ],
  },
  'a request that is not waited for': {
    answers: { 'request run': { stdout: JSON.stringify({ id: 'req-1', count: 2, resumed: true }) } },
    tasks: [
      request({ inventory: 'prod', limit: '-web', group_by: ['family', 'tier'], serial: '1,5', poll: 0 }),
    ],
  },
  'a request that stops': {
    answers: {
      ...MADE,
      'request wait': {
        stdout: JSON.stringify({
          ...{ ...ENDED, endedAt: undefined, state: 'stopped', reason: 'g: 1 of 2 failed', succeeded: 0 },
          ...{ failed: 1, held: 1, failedJobs: [{ id: 'r-1', target: 's1', body: 'secret' }] },
        }),
        status: 123,
      },
    },
    tasks: [request({ targets: ['s1', 's2'], timeout: 7 })],
  },
  'a request that ends with failures': {
    answers: {
      ...MADE,
      'request wait': {
        stdout: JSON.stringify({ ...ENDED, succeeded: 1, failed: 1, failedJobs: [{ id: 'r-1' }] }),
        status: 1,
      },
    },
    tasks: [request({ targets: ['s1', 's2'], poll: 1 })],
  },
  'a request whose state is not known': {
    answers: { ...MADE, 'request wait': { stderr: 'mayfly: The table is gone.\n', status: 1 } },
    tasks: [request({ targets: ['s1', 's2'], poll: 1 })],
  },
  'check mode of a request': {
    answers: { 'request run': { stdout: JSON.stringify({ count: 2, exists: false, groups: [] }) } },
    tasks: [request({ targets: ['s1', 's2'], id: 'req-1' }, { check_mode: true })],
  },
  'check mode of a request that is there': {
    answers: { 'request run': { stdout: JSON.stringify({ count: 2, exists: true, groups: [] }) } },
    tasks: [request({ targets: ['s1', 's2'], id: 'req-1' }, { check_mode: true })],
  },
  'jobs of a group': {
    answers: SENT,
    tasks: [job({ jobs: [{ body: 'a', target: 's1' }], group: 'shop/web', poll: 0 })],
  },
  'cancelled again': {
    answers: {
      cancel: { stdout: lines({ id: 'j-1', outcome: 'ended' }) },
      status: { stdout: JSON.stringify({ ...DONE, failed: true, rc: 3, state: 'failed' }) },
    },
    tasks: [status({ jid: 'j-1', mode: 'cancel' })],
  },
};

const REFUSED: Record<string, { scene: Scene; sentence: RegExp }> = {
  'no program': {
    scene: { answers: {}, tasks: [job({ body: 'a', executable: '/no/mayfly' })] },
    sentence: /^There is no program \/no\/mayfly: see the option executable/,
  },
  'a command that cannot be read': {
    scene: { answers: {}, tasks: [job({ body: 'a', executable: "x 'y" })] },
    sentence: /cannot be parsed: No closing quotation/,
  },
  'no command at all': {
    scene: {
      answers: {},
      tasks: [job({ body: 'a' }, { environment: { MAYFLY_COMMAND: '', PATH: '/none' } })],
    },
    sentence: /^There is no command mayfly on the PATH\. Install it/,
  },
  'what is no JSON': {
    scene: { answers: { enqueue: { stdout: 'Hello\n' } }, tasks: [job({ body: 'a' })] },
    sentence: /mayfly enqueue is not JSON/,
  },
  'an error of the command': {
    scene: {
      answers: { enqueue: { status: 1, stderr: 'mayfly: warned\nmayfly: No credentials.\n' } },
      tasks: [job({ body: 'a' })],
    },
    sentence: /^No credentials\.$/,
  },
  'an error of the command that names several': {
    scene: {
      answers: {
        enqueue: { status: 1, stderr: 'mayfly: 2 lines are bad.\n  Line 1: a\n  Line 3: b\nwarned\n' },
      },
      tasks: [job({ body: 'a' })],
    },
    sentence: /^2 lines are bad\. Line 1: a Line 3: b$/,
  },
  'a silent end': {
    scene: { answers: { enqueue: { status: 7 } }, tasks: [job({ body: 'a' })] },
    sentence: /ended with status 7 and printed no reason/,
  },
  'a status that lacks a job': {
    scene: { answers: { status: { stdout: '[]' } }, tasks: [status({ jid: 'j-1' })] },
    sentence: /ended with status 0 and printed no reason/,
  },
  'two ways at once': {
    scene: { answers: {}, tasks: [job({ body: 'a', bodies: ['b'] })] },
    sentence: /mutually exclusive/,
  },
  'one key for many': {
    scene: { answers: {}, tasks: [job({ bodies: ['a', 'b'], dedupe: 'k' })] },
    sentence: /mutually exclusive/,
  },
  'a null body': {
    scene: { answers: {}, tasks: [job({ body: null })] },
    sentence:
      /^The option body is null: write "" for an empty text, or "null" in quotes if the worker has to/,
  },
  'a null among many': {
    scene: { answers: {}, tasks: [job({ bodies: ['a', null, 'c'] })] },
    sentence: /^Body 2 of 3 is null: write "" for an empty text/,
  },
  'a null of a job': {
    scene: { answers: {}, tasks: [job({ jobs: [{ body: null, async: 5 }] })] },
    sentence: /^Body 1 of 1 is null: write "" for an empty text/,
  },
  'no list of bodies': {
    scene: { answers: {}, tasks: [job({ bodies: null })] },
    sentence: /^The option bodies is null: write \[\] to send nothing\.$/,
  },
  'a null id': {
    scene: { answers: {}, tasks: [status({ jid: null })] },
    sentence: /^missing required arguments: jid$/,
  },
  'null ids': {
    scene: { answers: {}, tasks: [wait({ jids: null })] },
    sentence: /^missing required arguments: jids$/,
  },
  'no body': {
    scene: { answers: {}, tasks: [job({})] },
    sentence: /one of the following is required: body, bodies, jobs/,
  },
  'an option that is none': {
    scene: { answers: {}, tasks: [job({ body: 'a', asink: 3 })] },
    sentence: /^Unsupported parameters for \(mayfly\.fleet\.job\) module: asink/,
  },
  'neither targets nor an inventory': {
    scene: { answers: {}, tasks: [request({ group: 'g' })] },
    sentence: /one of the following is required: targets, inventory/,
  },
  'targets and an inventory': {
    scene: { answers: {}, tasks: [request({ targets: ['s1'], inventory: 'i' })] },
    sentence: /mutually exclusive/,
  },
  'a target without a name': {
    scene: { answers: {}, tasks: [request({ targets: ['s1', { name: 's2' }] })] },
    sentence: /^Target 2 of 2 is \['name'\]: a target is a name, or a dictionary with target, group and vars/,
  },
  'a request that the command refuses': {
    scene: {
      answers: {
        'request run': { status: 1, stderr: 'mayfly: Line 2 of FILE: s1 is there twice, first in line 1.\n' },
      },
      tasks: [request({ targets: ['s1', 's1'] })],
    },
    sentence: /^Line 2 of the task's targets: s1 is there twice, first in line 1\.$/,
  },
  'a body that is not UTF-8': {
    scene: { answers: {}, tasks: [job({ body: '{{ "YYA=" | b64decode }}' })] },
    sentence: /^A body is not UTF-8, at character 1/,
  },
  "the task's own async": {
    scene: { answers: {}, tasks: [job({ body: 'a' }, { async: 5, poll: 0 })] },
    sentence: /write `async` and `poll` below it, not beside it/,
  },
};

/** The errors that the command itself reports. */
const CALLED = new Set([
  'what is no JSON',
  'an error of the command',
  'an error of the command that names several',
  'a silent end',
  'a request that the command refuses',
]);

const MODULES = ['job', 'job_wait', 'job_status', 'request'].map((name) => `mayfly.fleet.${name}`);
/** The keys of every result of Ansible ("Return Values", and those of a task with `until`). */
const COMMON = [
  '_ansible_no_log',
  '_ansible_delegated_vars',
  'attempts',
  'changed',
  'exception',
  'failed',
  'failed_when_result',
  'msg',
  'retries',
];

const moduleOf = ({ tasks }: Scene) =>
  Object.keys(tasks[0] ?? {}).find((key) => key.startsWith('mayfly.')) ?? '';

/** The output of `ansible-doc` for each module. */
function documentation(): Record<string, { return: Record<string, { returned: string }> }> {
  const home = mkdtempSync(join(tmpdir(), 'mayfly-documented-'));
  const words = ['--json', '-t', 'module', ...MODULES];
  try {
    return JSON.parse(
      execFileSync('ansible-doc', words, { env: ansibleEnvironment(home), encoding: 'utf8' }),
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const commands = new Map<string, ReturnType<typeof standIn>>();
let documented: ReturnType<typeof documentation>;
let played: PlayResult;

function staged([name, { answers, tasks }]: [string, Scene]): object[] {
  const command = standIn(answers);
  commands.set(name, command);
  return tasks.map((task) => ({
    name,
    ignore_errors: true,
    environment: { MAYFLY_COMMAND: command.program },
    ...task,
  }));
}

beforeAll(async () => {
  const refused = Object.entries(REFUSED).map(([name, { scene }]) => [name, scene] as [string, Scene]);
  const tasks = [...Object.entries(SCENES), ...refused].flatMap(staged);
  documented = documentation();
  played = await play(tasks);
});
afterAll(() => {
  for (const command of commands.values()) command.close();
});

const of = (name: string) => played.of(name);
const calls = (name: string, verb?: string) => commands.get(name)?.calls(verb) ?? [];

describe('the command gets', () => {
  test('bodies in a file, which is removed afterwards, and not on a command line', () => {
    const [call] = calls('one body');
    const path = call?.file?.path ?? '';
    const words = ['enqueue', '--stack', 'S', '--region', 'r', '--json-lines', '--json', '--file', path];
    expect(call?.words).toEqual(words);
    expect(call?.file).toMatchObject({
      mode: 0o600,
      lines: [{ body: 'secret "ü"\n', async: 5, delay: 1, dedupe: 'k', label: 'l' }],
    });
    expect(existsSync(path)).toBe(false);
    expect(of('one body').result).toMatchObject({ ansible_job_id: 'j-1', changed: true, state: 'queued' });
    expect(played.output).not.toContain('secret');
  });

  test('values that are not strings as JSON; one of many jobs with its own settings, or those of the task', () => {
    expect(calls('many jobs')[0]?.file?.lines).toEqual([
      { body: '{"picture": "ü.png"}', async: 60 },
      { body: '42', dedupe: 'k', async: 5 },
      { body: '["a", true]' },
    ]);
    expect(of('many jobs').result).toMatchObject({
      changed: true,
      jids: ['j-1', 'd-2', 'j-3'],
      jobs: [
        { index: 0, state: 'queued' },
        { index: 1, deduplicated: true },
        { index: 2, finished: false },
      ],
    });
  });

  test.each([
    ['async and no poll', '15', [{ body: 'a', async: 5 }]],
    ['neither async nor poll', '15', [{ body: 'a' }]],
    ['async of 0', '15', [{ body: 'a' }]],
  ])('of %s waits like Ansible, and fails if the job fails', (name, poll, sent) => {
    expect(of(name)).toMatchObject({ outcome: 'ignored', result: { rc: 3, state: 'failed', changed: true } });
    expect(calls(name, 'enqueue')[0]?.file?.lines).toEqual(sent);
    expect(calls(name, 'wait').map(({ words }) => words)).toEqual([
      ['wait', '--json', '--progress', 'json', '--poll', poll, '--', 'j-1'],
    ]);
  });

  test('group and target of jobs', () => {
    expect(calls('jobs of a group')[0]?.file?.lines).toEqual([
      { body: 'a', group: 'shop/web', target: 's1' },
    ]);
  });

  test('the options of a request, and its targets in a file', () => {
    const [call, waiting, ...others] = calls('a request that ends');
    expect(others).toEqual([]);
    expect(call?.words).toEqual([
      ...['request', 'run', '--stack', 'S', '--json', '--targets', call?.file?.path],
      ...['--group=shop/web', '--body=go', '--id=req-1', '--async=60', '--max-fail=10%', '--healthy=http'],
      ...['--check-limit=9', '--serial=1,30%,-1', '--any-errors-fatal'],
    ]);
    expect(call?.file).toMatchObject({
      mode: 0o600,
      lines: [{ target: 's1' }, { target: 's2', vars: { zone: 'ü', secret: null } }],
    });
    expect(existsSync(call?.file?.path ?? '')).toBe(false);
    expect(waiting?.words).toEqual([
      ...['request', 'wait', '--stack', 'S', '--json', '--progress', 'json', '--poll', '4', '--', 'req-1'],
    ]);
    expect(calls('a request that is not waited for').map(({ words }) => words)).toEqual([
      [
        'request',
        'run',
        '--json',
        '--inventory=prod',
        '--limit=-web',
        '--group-by=family,tier',
        '--serial=1,5',
      ],
    ]);
    expect(calls('a request that stops', 'request wait')[0]?.words).toEqual([
      ...['request', 'wait', '--json', '--progress', 'json', '--poll', '15', '--timeout', '7', '--', 'req-1'],
    ]);
  });

  test('of a request in check mode the plan, and nothing else', () => {
    for (const name of ['check mode of a request', 'check mode of a request that is there']) {
      const [call, ...others] = calls(name);
      expect(others).toEqual([]);
      expect(call?.words).toEqual(expect.arrayContaining(['request', 'run', '--plan', '--id=req-1']));
    }
    const plan = { count: 2, groups: [] };
    expect(of('check mode of a request').result).toMatchObject({
      ...{ changed: true, finished: false, count: 2, plan },
    });
    expect(of('check mode of a request that is there').result).toMatchObject({ changed: false });
  });

  test('each id once, and after the options', () => {
    const words = ['wait', '--json', '--progress', 'json', '--poll', '2', '--timeout', '3'];
    expect(calls('time is over', 'wait')[0]?.words).toEqual([...words, '--', 'j-1', 'j-2']);
  });

  test('the default of an option that is null', () => {
    expect(of('options that are null').outcome, played.output).toBe('ok');
    expect(calls('options that are null').map(({ words }) => words)).toEqual([
      ['wait', '--json', '--progress', 'json', '--poll', '5', '--', 'j-7'],
      ['status', '--ansible', '--max-output', '65536', '--', 'j-7'],
    ]);
  });

  test('nothing if there is no job to send, and nothing in check mode', () => {
    const checked = ['check mode', 'check mode, waiting', 'check mode, waiting for many'];
    expect(['no jobs', ...checked].flatMap((name) => calls(name))).toEqual([]);
    expect(of('no jobs').result).toMatchObject({ changed: false, jobs: [], jids: [] });
    expect(of('check mode').result).toMatchObject({
      changed: true,
      ansible_job_id: 'not-sent',
      finished: false,
    });
    const waited = { ansible_job_id: 'not-sent', finished: true, rc: 0, stdout: '', state: 'skipped' };
    const msg = 'Nothing was sent: check mode.';
    expect(of('check mode, waiting').result).toMatchObject({ changed: true, ...waited, msg });
    expect(of('check mode, waiting for many')).toMatchObject({
      outcome: 'ok',
      result: { changed: true, msg, states: { skipped: 2 }, jobs: [waited, { index: 1, ...waited }] },
    });
  });

  test("the group's defaults, Ansible's poll_interval, and the environment of play and task", async () => {
    const command = standIn({ ...SENT, ...FAILS });
    const tasks = [
      status(
        { jid: 'j-1' },
        { name: 'Look', environment: { AWS_REGION: 'of the task' }, ignore_errors: true },
      ),
      job({ body: 'a' }, { name: 'Send' }),
    ];
    const { output } = await play(tasks, {
      env: { MAYFLY_COMMAND: `${process.execPath} ${command.program}`, ANSIBLE_POLL_INTERVAL: '7' },
      play: {
        module_defaults: { 'group/mayfly.fleet.all': { stack: 'S', outputs: '~/o.json', fleet: 'f' } },
        environment: { AWS_REGION: 'of the play' },
      },
    });
    const [call] = command.calls();
    const [waiting] = command.calls('wait');
    command.close();
    const named = ['--stack', 'S', '--fleet', 'f', '--outputs', expect.stringMatching(/^\/.*\/o\.json$/)];
    expect(call?.words, output).toEqual([
      ...['status', ...named],
      ...['--ansible', '--max-output', '65536', '--', 'j-1'],
    ]);
    expect(call?.region).toBe('of the task');
    expect(waiting?.words).toContain('7');
  });
});

describe('the progress of a waiting task', () => {
  const said = (jid: RegExp) => played.output.split('\n').filter((line) => jid.test(line));

  test('for one job has its id when it was sent, a line for each poll, and its end', () => {
    expect(of('one that takes long').outcome).toBe('ignored');
    const [first, ...others] = said(/^ASYNC .*jid=j-1\b/)
      .join('\n')
      .split(/^ASYNC SENT on localhost: jid=j-1$/m);
    expect(first).toBe('');
    expect(others.map((after) => after.trim().split('\n'))).toContainEqual([
      'ASYNC POLL on localhost: jid=j-1 started=0 finished=0',
      'ASYNC POLL on localhost: jid=j-1 started=1 finished=0',
      'ASYNC FAILED on localhost: jid=j-1',
    ]);
  });

  test('for many jobs has all ids when they were sent, their numbers, and how many failed', () => {
    expect(said(/^ASYNC SENT/)).toContain('ASYNC SENT on localhost: jid=j-1,d-2,j-3');
    const numbers = said(/^ASYNC .* jobs/);
    expect(numbers.filter((line) => line.includes('POLL'))).toHaveLength(2);
    expect(numbers).toEqual(
      expect.arrayContaining([
        'ASYNC POLL on localhost: 0 of 2 jobs ended, 0 failed, 2 running',
        'ASYNC POLL on localhost: 1 of 2 jobs ended, 1 failed, 1 running',
        'ASYNC OK on localhost: 3 jobs',
        'ASYNC FAILED on localhost: 1 of 2 jobs',
      ]),
    );
  });

  test('of a request has its id when it was made, its numbers, and its end', () => {
    expect(said(/request=req-1/)).toEqual(
      expect.arrayContaining([
        'ASYNC SENT on localhost: request=req-1',
        'ASYNC POLL on localhost: request=req-1 0 of 2 done, 1 running, 1 held, 0 failed',
        'ASYNC POLL on localhost: request=req-1 1 of 2 done, 1 running, 0 held, 0 failed',
        'ASYNC OK on localhost: request=req-1',
        'ASYNC FAILED on localhost: request=req-1',
      ]),
    );
    expect(said(/request=req-1 2 of 2 done/)).toEqual([]);
  });

  test('is not on the stdout of a callback whose output may be parsed', () => {
    expect(played.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('{'))).toEqual([]);
  });

  test('has the ids even if the playbook is interrupted', async () => {
    const command = standIn({ ...SENT, wait: { hangs: true } });
    const { stdout, status } = await play([job({ body: 'a' }, { name: 'Send' })], {
      env: { MAYFLY_COMMAND: command.program, ANSIBLE_STDOUT_CALLBACK: 'ansible.builtin.default' },
      interrupted: eventually('the task to wait', async () => command.calls('wait').length > 0, 100_000),
    });
    command.close();
    expect(stdout).toMatch(/^ASYNC SENT on localhost: jid=j-1$/m);
    expect([99, 130, undefined]).toContain(status);
  });
});

describe('the result of the task', () => {
  test('has the keys of async_status, with booleans that every version of Ansible accepts', () => {
    expect(of('status')).toMatchObject({
      outcome: 'ok',
      result: {
        ansible_job_id: 'j-1',
        changed: false,
        started: true,
        finished: true,
        rc: 0,
        stdout_lines: ['ok', 'fine'],
        stderr_lines: [],
        state: 'succeeded',
      },
    });
  });

  test('if only some jobs were sent, has which were and which were not', () => {
    expect(of('a part sent')).toMatchObject({
      outcome: 'ignored',
      result: {
        changed: true,
        jids: ['j-1', 'j-3'],
        jobs: [
          { index: 0, ansible_job_id: 'j-1' },
          { index: 2, ansible_job_id: 'j-3' },
        ],
        unsent: [1, 3],
        msg: '2 of the 4 jobs were sent (lines 1, 3). The queue is gone. The sent jobs are in /tmp/sent: the same task sends the rest.',
      },
    });
    expect(calls('a part sent', 'wait')).toEqual([]);
    expect(calls('a part sent')[0]?.words.slice(-2)).toEqual(['--journal', '/tmp/sent']);
  });

  test('if jobs were sent and their status is not known, has their ids', () => {
    expect(of('sent and not followed')).toMatchObject({
      outcome: 'ignored',
      result: {
        changed: true,
        ansible_job_id: 'j-1',
        msg: 'The jobs were sent, but their status is not known: The table is gone.',
      },
    });
  });

  test('if jobs have not ended after the timeout, says that they go on', () => {
    expect(of('time is over')).toMatchObject({
      outcome: 'ignored',
      result: {
        finished: false,
        jids: ['j-1', 'j-2', 'j-1'],
        states: { succeeded: 2, running: 1 },
        msg: expect.stringMatching(
          /^1 of 3 jobs .* jobs\[1\] \(j-2\): It has not ended: it is running\. It goes on/,
        ),
      },
    });
  });

  test('of many jobs has their positions and labels, and the requested amount of output', () => {
    expect(of('a label for all but one').result).toMatchObject({
      jobs: [
        // A template in it is not evaluated.
        { index: 0, label: 'own', result: { recap: { ok: 3 }, message: '{{ 1 + 1 }}' } },
        { index: 1, label: 'all', rc: 3, result_error: 'it is not UTF-8' },
      ],
      msg: '1 of 2 jobs did not succeed (1 failed, 1 succeeded). The first is jobs[1] (j-2, label all): failed',
    });
    const most = (name: string) => calls(name, 'status')[0]?.words.slice(1, 4);
    expect(most('a label for all but one')).toEqual(['--ansible', '--max-output', '7']);
    expect(most('cleaned up')).toEqual(['--ansible', '--max-output', '9']);
    expect(most('time is over')).toEqual(['--ansible', '--max-output', '65536']);
  });

  test('of a request says how it ended, or what it waits for', () => {
    expect(of('a request that ends')).toMatchObject({
      outcome: 'ok',
      result: {
        ...{ changed: true, id: 'req-1', count: 2, resumed: false, finished: true, state: 'ended' },
        msg: 'All 2 jobs of request req-1 succeeded.',
      },
    });
    expect(of('a request that is not waited for')).toMatchObject({
      outcome: 'ok',
      result: { changed: false, id: 'req-1', resumed: true, finished: false },
    });
    expect(of('a request that stops')).toMatchObject({
      outcome: 'ignored',
      result: {
        ...{ changed: true, finished: false, state: 'stopped' },
        request: { held: 1, failedJobs: [{ id: 'r-1', target: 's1' }] },
        msg: 'Request req-1 is stopped: g: 1 of 2 failed. It has not ended (1 failed, 1 held): `mayfly request show req-1` says what it waits for.',
      },
    });
    expect(played.output).not.toContain('secret"');
    expect(of('a request that ends with failures')).toMatchObject({
      outcome: 'ignored',
      result: {
        finished: true,
        msg: 'Request req-1 has ended, and not all of its 2 jobs succeeded (1 succeeded, 1 failed)',
      },
    });
    expect(of('a request whose state is not known')).toMatchObject({
      outcome: 'ignored',
      result: {
        ...{ changed: true, id: 'req-1', finished: false },
        msg: 'The request was made, but its state is not known: The table is gone.',
      },
    });
  });

  test('of a job that is retried has the new job, and whether it is new', () => {
    const retry = { ansible_job_id: 'd-2', retry_of: 'j-1' };
    expect(of('retried')).toMatchObject({
      outcome: 'ok',
      result: { ...retry, changed: true, finished: false },
    });
    expect(of('retried before')).toMatchObject({
      outcome: 'ok',
      result: { ...retry, changed: false, rc: 0 },
    });
    expect(calls('retried', 'retry')[0]?.words).toEqual(['retry', '--once', '--json', '--', 'j-1']);
    expect(of('not to be retried')).toMatchObject({
      outcome: 'ignored',
      result: { ansible_job_id: 'j-1', changed: false, msg: 'Its body is kept nowhere.' },
    });
    expect(of('would be retried')).toMatchObject({ outcome: 'ok', result: { changed: true, rc: 3 } });
    expect(calls('would be retried', 'retry')).toEqual([]);
  });

  test('of a job that was removed has its last state, and that it is removed', () => {
    expect(of('cleaned up')).toMatchObject({
      outcome: 'ok',
      result: {
        ...{ changed: true, started: true, finished: true, erased: 'j-1', rc: 3, label: 'l' },
        msg: 'The record, log and body of j-1 are removed.',
      },
    });
    expect(calls('cleaned up by force').map(({ words }) => words)).toEqual([
      expect.arrayContaining(['status', 'j-1']),
      ['cancel', '--wait', '--json', '--', 'j-1'],
      expect.arrayContaining(['status', 'j-1']),
      ['cleanup', '--json', '--force', '--', 'j-1'],
    ]);
  });

  test('has no key that is not documented', () => {
    const names = (module: string) => Object.keys(documented[module]?.return ?? {});
    for (const [name, scene] of Object.entries(SCENES)) {
      const module = moduleOf(scene);
      const { jobs, ...result } = of(name).result;
      const told = [...Object.keys(result), ...(jobs ?? []).flatMap((one) => Object.keys(one))];
      const known = [...COMMON, 'index', ...names(module), ...(jobs ? names('mayfly.fleet.job_status') : [])];
      expect(
        told.filter((key) => !known.includes(key)),
        name,
      ).toEqual([]);
    }
  });

  test('has all keys that are documented as always returned, whatever failed', () => {
    const always = (module: string) =>
      Object.entries(documented[module]?.return ?? {}).flatMap(([key, { returned }]) =>
        returned === 'always' ? [key] : [],
      );
    const refused = Object.entries(REFUSED).map(([name, { scene }]) => [name, scene] as const);
    for (const [name, scene] of [...Object.entries(SCENES), ...refused]) {
      expect(Object.keys(of(name).result), name).toEqual(expect.arrayContaining(always(moduleOf(scene))));
    }
  });

  test('says that an id is unknown, and an `until` ends with that unless there is a failed_when', () => {
    expect(of('unknown, until')).toMatchObject({
      outcome: 'ignored',
      result: { state: 'unknown', finished: false, rc: null, msg: 'There is no job j-9.' },
    });
    expect(calls('unknown, until')).toHaveLength(1);
    expect(of('unknown, until and failed_when').result).toMatchObject({ state: 'unknown', attempts: 2 });
    expect(calls('unknown, until and failed_when')).toHaveLength(3);
  });

  test('says that a job which has ended is not cancelled, and this is not a failure', () => {
    expect(of('cancelled again')).toMatchObject({
      outcome: 'ok',
      result: { changed: false, state: 'failed', rc: 3 },
    });
  });

  test.each(Object.keys(REFUSED))('has a sentence for the error: %s', (name) => {
    expect(of(name).outcome).toBe('ignored');
    expect(of(name).result.msg).toMatch(REFUSED[name]?.sentence ?? '');
    // Since ansible-core 2.19 each failed task has one, which says that there is no traceback.
    expect(String(of(name).result['exception'] ?? '')).not.toMatch(/Traceback|File "/);
    const sent = [...calls(name, 'enqueue'), ...calls(name, 'request')];
    expect(sent.length, 'calls that sent something').toBe(CALLED.has(name) ? 1 : 0);
  });
});
