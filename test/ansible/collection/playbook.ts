import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { packageRoot } from '../../../lib/package-files.ts';

/** The result of a task. For a loop, `results` has those of its items. */
export interface TaskResult {
  task: string;
  outcome: 'ok' | 'failed' | 'ignored' | 'skipped' | 'unreachable' | 'retry';
  result: Result;
}

export interface Result {
  [name: string]: unknown;
  ansible_job_id?: string;
  changed?: boolean;
  failed?: boolean;
  finished?: boolean;
  started?: boolean;
  jids?: string[];
  jobs?: Result[];
  msg?: string;
  rc?: number | null;
  results?: Result[];
  state?: string;
  stderr?: string;
  stdout?: string;
}

export interface PlayResult {
  status: number | undefined;
  told: TaskResult[];
  stdout: string;
  /** The whole output, for the message of a failing test. */
  output: string;
  /** The last result of the task of this name. */
  of(task: string): TaskResult;
}

export interface PlayOptions {
  env?: Record<string, string>;
  words?: string[];
  /** Further keys of the play. */
  play?: object;
  /** The playbook gets SIGINT, like from Ctrl-C, when this resolves. */
  interrupted?: Promise<unknown>;
  /** When the playbook is killed, before the test's own time-out, so that no process is left. Default 10 minutes. */
  longestMs?: number;
}

const ANSIBLE = '/usr/local/bin:/usr/bin:/bin';

/** @param home a directory that Ansible may write to */
export function ansibleEnvironment(home: string) {
  return {
    PATH: `${dirname(process.execPath)}:${ANSIBLE}`,
    HOME: home,
    TMPDIR: home,
    LC_ALL: 'C.UTF-8',
    ANSIBLE_COLLECTIONS_PATH: join(packageRoot, 'ansible'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

/** Runs a play of these tasks against localhost with the real `ansible-playbook`. */
export function play(
  tasks: object[],
  { play = {}, words = [], ...options }: PlayOptions = {},
): Promise<PlayResult> {
  return runPlays([{ name: 'Play', hosts: 'localhost', gather_facts: false, ...play, tasks }], {
    ...options,
    words: ['-i', 'localhost,', ...words],
  });
}

/** Runs these plays with the real `ansible-playbook`. The words have to name the inventory. */
export async function runPlays(
  plays: object[],
  { env = {}, words = [], interrupted, longestMs = 600_000 }: Omit<PlayOptions, 'play'>,
): Promise<PlayResult> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-playbook-'));
  try {
    const book = join(directory, 'play.yml');
    await writeFile(book, stringify(plays));
    const running = execa('ansible-playbook', [...words, book], {
      reject: false,
      // Its own process group, as a terminal sends Ctrl-C to the whole group.
      detached: true,
      timeout: longestMs,
      extendEnv: false,
      env: {
        ...ansibleEnvironment(directory),
        ANSIBLE_CALLBACK_PLUGINS: join(import.meta.dirname, 'callback'),
        ANSIBLE_STDOUT_CALLBACK: 'json_lines',
        ...env,
      },
    });
    void interrupted?.then(() => process.kill(-(running.pid ?? Number.NaN), 'SIGINT'));
    const { exitCode, stdout, stderr } = await running;
    return played(exitCode, stdout, stderr);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function played(status: number | undefined, stdout: string, stderr: string): PlayResult {
  const output = `${stdout}\n${stderr}`;
  const told = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as TaskResult);
  const of = (task: string) => {
    const found = told.findLast((one) => one.task === task);
    if (!found) throw new Error(`no result of '${task}' in:\n${output}`);
    return found;
  };
  return { status, told, stdout, output, of };
}
