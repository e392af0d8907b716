import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complete } from '../../../../cli/commands/completion/complete.ts';
import { createProgram } from '../../../../cli/program.ts';
import { bareFleets } from '../../../support/bare-fleet.ts';
import { onTerminal, type Pty } from '../../../support/pty.ts';

const BIN = resolve(import.meta.dirname, '../../../../bin');
const NODE_COMPILE_CACHE = resolve(BIN, '../node_modules/.cache/mayfly');
let directory: string;
let env: Record<string, string>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-completion-'));
  await symlink(join(BIN, 'mayfly.js'), join(directory, 'mayfly'));
  await writeFile(join(directory, 'jobs of today.txt'), '');
  const path = [directory, dirname(process.execPath), '/usr/bin', '/bin'].join(':');
  env = {
    PATH: path,
    HOME: directory,
    INPUTRC: '/dev/null',
    PS1: '> ',
    LC_ALL: 'C.UTF-8',
    NODE_COMPILE_CACHE,
  };
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const values = (...words: string[]) => {
  const { candidates, files } = complete(createProgram(), words);
  return [...candidates.map(({ value }) => value), ...(files ? [':files'] : [])];
};

test.each([
  ['verbs', ['enq'], ['enqueue']],
  ['no hidden verb', ['complete-'], []],
  ['verbs after help', ['help', 'stat'], ['status']],
  ['options of a verb', ['enqueue', '--de'], ['--delay', '--dedupe']],
  ['no hidden option', ['enqueue', '--queue-u'], []],
  ['verbs below a verb', ['request', 're'], ['resume', 'retry']],
  ['options of a verb below another', ['request', 'run', '--th'], ['--throttle']],
  ['choices of one', ['request', 'run', '--stops', 'gr'], ['group']],
  ['a file of targets', ['request', 'run', '--targets', 't'], [':files']],
  ['an inventory', ['request', 'run', '--inventory', 't'], [':files']],
  ['a value of an option', ['list', '--state', 'que'], ['queued']],
  ['a value after =', ['list', '--state=que'], ['--state=queued']],
  ['a value after =, as bash splits it', ['list', '--state', '=', 'que'], ['queued']],
  ['all values after =, as bash splits it', ['local', '--instances', '='], ['processes', 'machines']],
  ['files', ['enqueue', '--file', 'jo'], [':files']],
  ['nothing for a free value', ['enqueue', '--label', ''], []],
  ['an option after the value of another', ['enqueue', '--label', 'l', '--poll', '2', '--asy'], ['--async']],
  ['values of an argument', ['completion', ''], ['bash', 'zsh', 'fish']],
  ['nothing for one argument too many', ['completion', 'bash', ''], []],
  ['no option after --', ['enqueue', '--', '--de'], []],
  ['nothing for an unknown verb', ['nothing', '--de'], []],
] as const)('%s: %j', (_what, words, expected) => {
  expect(values(...words)).toEqual(expected);
});

test.each([
  ['ids', ['status', 'j-'], { kind: 'job', verb: 'status', word: 'j-' }],
  ['each of several', ['cancel', 'j-1', ''], { kind: 'job', verb: 'cancel', word: '' }],
  ['ids for a verb below another', ['dlq', 'redrive', ''], { kind: 'job', verb: 'dlq redrive' }],
  ['an instance', ['fleet', 'drain', 'i-'], { kind: 'instance', verb: 'fleet', word: 'i-' }],
  ['a stack', ['list', '--stack', 'S'], { kind: 'stack', word: 'S', prefix: '' }],
  ['a stack, before the verb and after =', ['--stack=S'], { kind: 'stack', word: 'S', prefix: '--stack=' }],
  [
    'a fleet of the typed stack',
    ['--stack', 'Shop', 'list', '--region=r', '--fleet', ''],
    { kind: 'fleet', typed: { stack: 'Shop', region: 'r' } },
  ],
  ['a request', ['request', 'show', 'd'], { kind: 'request', verb: 'request show', word: 'd' }],
  ['the request of an option', ['list', '--request=d'], { kind: 'request', prefix: '--request=' }],
  ['a group', ['group', 'pause', ''], { kind: 'group', verb: 'group pause' }],
  ['the group of an option', ['enqueue', '--group', 's'], { kind: 'group', word: 's' }],
  ['a job whose lane can be freed', ['group', 'free', 'r-'], { kind: 'lane', word: 'r-' }],
  ['a command of the fleet', ['request', 'run', '--on-failure', ''], { kind: 'command' }],
  ['nothing, for a new id', ['request', 'run', '--id', ''], undefined],
  ['nothing, for a body', ['enqueue', ''], undefined],
  ['nothing, while an option is typed', ['status', '--js'], undefined],
] as const)('asks AWS for %s: %j', (_what, words, wanted) => {
  const { lookUp: found } = complete(createProgram(), words);
  if (wanted === undefined) expect(found).toBeUndefined();
  else expect(found).toMatchObject(wanted);
});

describe('candidates from AWS', () => {
  const open = bareFleets();
  // A busy machine needs more than the two seconds of an interactive shell.
  const completed = (environment: Record<string, string>, ...words: string[]) =>
    completedWithin(60, environment, ...words);
  const completedWithin = async (
    seconds: number,
    environment: Record<string, string>,
    ...words: string[]
  ) => {
    const { stdout, stderr, exitCode } = await execa(
      process.execPath,
      [join(BIN, 'mayfly.js'), 'complete-words', '--timeout', `${seconds}`, '--', ...words],
      { env: environment, extendEnv: false, reject: false },
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('-'));
  };

  test('are ids of jobs that the verb can use, without those that a shell or a terminal would interpret', async () => {
    const bare = await open();
    await bare.record({ id: 'j-ran', state: 'failed' });
    await bare.record({ id: 'j-waits', state: 'queued', enqueuedAt: new Date().toISOString() });
    await bare.record({ id: 'j-two words', state: 'failed' });
    await bare.record({ id: 'j-\x1b[2J', state: 'failed' });
    expect(await completed(bare.env, 'retry', 'j-')).toEqual(['j-ran\tfailed']);
    expect(await completed(bare.env, 'cancel', '')).toEqual(['j-waits\tqueued']);
    expect(await completed(bare.env, 'status', 'j-w')).toEqual(['j-waits\tqueued']);
  });

  test('are stacks and fleets', async () => {
    const { cloud, env: all } = await open();
    for (const name of ['Shop/Mail', 'Shop/Print', 'Other/Mail']) {
      await cloud.call('ssm', 'PutParameter', { Name: `/mayfly/${name}`, Type: 'String', Value: '{}' });
    }
    expect(await completed(all, 'list', '--stack=S')).toEqual([]);
    expect((await completed(all, 'list', '--stack', '')).map((line) => line.split('\t')[0])).toEqual(
      expect.arrayContaining(['Shop', 'Other']),
    );
    // The variable in which older tools read the region.
    const { AWS_REGION: region = '', ...others } = all;
    const older = { ...others, AWS_DEFAULT_REGION: region };
    expect(await completed(older, '--stack', 'Shop', 'list', '--fleet', '')).toEqual([
      'Mail\tShop',
      'Print\tShop',
    ]);
  });

  test('are requests that the verb can use, groups, and commands of the fleet', async () => {
    const { cloud, fleet, env: all } = await open();
    const targets = [1, 2].map((index) => ({ target: `c${index}`, body: 'x', index }));
    await fleet.request([{ name: 'shop/c', size: 2, targets }], { id: 'deploy-c' });
    await fleet.request([{ name: 'shop/d', size: 1, targets: [{ target: 'd', body: 'x', index: 1 }] }], {
      id: 'deploy-d',
    });
    await fleet.requests.cancel('deploy-d', { now: true });
    expect(await completed(all, 'request', 'pause', 'deploy')).toEqual(['deploy-c\topen, 2 jobs']);
    expect((await completed(all, 'request', 'show', 'deploy')).toSorted()).toEqual([
      'deploy-c\topen, 2 jobs',
      'deploy-d\tcancelled, 1 job',
    ]);
    expect(await completed(all, 'group', 'show', 'shop')).toEqual(['shop/c\t1 held']);
    expect(await completed(all, 'enqueue', '--group', 'shop')).toEqual(['shop/c\t1 held']);
    const Value = JSON.stringify({ ...fleet.facts, commands: ['healthy', 'undo'] });
    await cloud.call('ssm', 'PutParameter', { Name: '/mayfly/Commands/F', Type: 'String', Value });
    expect(await completed(all, '--stack', 'Commands', 'request', 'run', '--healthy', 'h')).toEqual([
      'healthy\t',
    ]);
  });

  test('are none, and no message, without credentials, after a refusal or without an answer', async () => {
    const { cloud, env: all } = await open();
    const silent = createServer(() => {});
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const { port } = silent.address() as AddressInfo;
    cloud.faults.add({
      service: 'dynamodb',
      action: 'Scan',
      effect: { kind: 'error', code: 'AccessDeniedException', status: 403 },
    });
    try {
      expect(await completedWithin(2, { PATH: all['PATH'] ?? '' }, 'status', 'j-')).toEqual([]);
      expect(await completedWithin(2, all, 'status', 'j-')).toEqual([]);
      const AWS_ENDPOINT_URL = `http://127.0.0.1:${port}`;
      expect(await completedWithin(2, { ...all, AWS_ENDPOINT_URL }, 'status', 'j-')).toEqual([]);
    } finally {
      silent.close();
    }
  });
});

test('completes the options of a verb where nothing is typed yet', () => {
  expect(values('status', '')).toEqual(expect.arrayContaining(['--json', '--ansible', '--stack']));
});

describe.each([
  ['bash', 'bash --norc --noprofile -i', 'source <(mayfly completion bash)'],
  ['zsh', 'zsh -f -i', 'autoload -Uz compinit; compinit -D; source <(mayfly completion zsh)'],
] as const)('in %s', (_shell, command, load) => {
  let pty: Pty;
  beforeAll(async () => {
    pty = onTerminal(command, { cwd: directory, env });
    pty.type(`${load}; echo loa''ded\n`);
    await pty.shows('loaded');
  });
  afterAll(() => pty.kill());

  /** Has the shell print the arguments of the completed line: a terminal can draw the line itself in many ways. */
  const completed = async (typed: string, words: string[]) => {
    pty.type(`${typed}\x01printf '<%s>' \n`);
    await pty.shows(['mayfly', ...words].map((word) => `<${word}>`).join(''));
  };

  test.each([
    ['enq\t', ['enqueue']],
    ['list --stat\tque\t', ['list', '--state', 'queued']],
    ['list --state=que\t', ['list', '--state=queued']],
    ['enqueue --file jo\t', ['enqueue', '--file', 'jobs of today.txt']],
  ])('mayfly %s', async (typed, words) => {
    await completed(`mayfly ${typed}`, words);
  });

  test('shows all of several candidates', async () => {
    pty.type('mayfly completion \t\t');
    await pty.shows(/bash\s+.*fish\s+.*zsh/s);
    // Ctrl-U clears the line for the next test.
    pty.type('\x15');
  });

  test('does not execute the text of the line', async () => {
    await completed("mayfly status '$(touch run)' --js\t", ['status', '$(touch run)', '--json']);
    const { stdout } = await execa('ls', { cwd: directory });
    expect(stdout).not.toMatch(/^run$/m);
  });
});

describe('in fish', () => {
  const fish = async (line: string) => {
    const script = 'mayfly completion fish | source; complete -C $argv[1]';
    const { stdout } = await execa('fish', ['--no-config', '-c', script, line], {
      cwd: directory,
      env,
      extendEnv: false,
    });
    return stdout.split('\n').map((each) => each.split('\t')[0]);
  };

  test.each([
    ['mayfly enq', ['enqueue']],
    ['mayfly list --state que', ['queued']],
    ['mayfly list --state=que', ['--state=queued']],
    ['mayfly completion ', ['bash', 'fish', 'zsh']],
    ['mayfly enqueue --file jo', ['jobs of today.txt']],
  ])('%s', async (line, expected) => {
    expect((await fish(line)).toSorted()).toEqual(expected);
  });

  test('candidates have a description', async () => {
    const { stdout } = await execa(
      'fish',
      ['--no-config', '-c', "mayfly completion fish | source; complete -C 'mayfly enq'"],
      { cwd: directory, env, extendEnv: false },
    );
    expect(stdout).toMatch(/^enqueue\t\w+/);
  });
});
