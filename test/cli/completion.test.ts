import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complete } from '../../cli/complete.ts';
import { createProgram } from '../../cli/program.ts';
import { onTerminal, type Pty } from './pty.ts';

const BIN = resolve(import.meta.dirname, '../../bin');
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
  ['none that is hidden', ['complete-'], []],
  ['help and its verbs', ['help', 'stat'], ['status']],
  ['options of a verb', ['enqueue', '--de'], ['--delay', '--dedupe']],
  ['none that is hidden', ['enqueue', '--queue-u'], []],
  ['none that is refused', ['enqueue', '--gr'], []],
  ['a value of an option', ['list', '--state', 'que'], ['queued']],
  ['behind =', ['list', '--state=que'], ['--state=queued']],
  ['behind =, as bash takes it apart', ['list', '--state', '=', 'que'], ['queued']],
  ['right behind =, as bash takes it apart', ['local', '--instances', '='], ['processes', 'machines']],
  ['files', ['enqueue', '--file', 'jo'], [':files']],
  ['no value where a free one comes', ['enqueue', '--label', ''], []],
  ['an option after the value of another', ['enqueue', '--label', 'l', '--poll', '2', '--asy'], ['--async']],
  ['values of an argument', ['completion', ''], ['bash', 'zsh', 'fish']],
  ['no more than it takes', ['completion', 'bash', ''], []],
  ['no option after --', ['enqueue', '--', '--de'], []],
  ['nothing for a verb that there is not', ['nothing', '--de'], []],
] as const)('%s: %j', (_what, words, expected) => {
  expect(values(...words)).toEqual(expected);
});

test('says what a verb takes where nothing is typed yet', () => {
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

  /** What the line has become is printed word by word: a terminal tells it in too many ways. */
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

  test('of several, all are shown', async () => {
    pty.type('mayfly completion \t\t');
    await pty.shows(/bash\s+.*fish\s+.*zsh/s);
    // Ctrl-U: the next one has a line of its own.
    pty.type('\x15');
  });

  test('runs nothing of what stands on the line', async () => {
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

  test('with what it is for', async () => {
    const { stdout } = await execa(
      'fish',
      ['--no-config', '-c', "mayfly completion fish | source; complete -C 'mayfly enq'"],
      { cwd: directory, env, extendEnv: false },
    );
    expect(stdout).toMatch(/^enqueue\t\w+/);
  });
});
