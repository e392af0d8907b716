import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { packageRoot } from '../../../infra/bundle/package-files.ts';

/** A task's result as an author of playbooks sees it: of a loop, `results` has those of its items. */
export interface Told {
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

export interface Played {
  status: number | undefined;
  told: Told[];
  stdout: string;
  /** All that was printed, for the message of a test that fails. */
  output: string;
  /** The last result of the task of this name. */
  of(task: string): Told;
}

export interface PlayOptions {
  env?: Record<string, string>;
  words?: string[];
  /** What the play has beside its tasks. */
  play?: object;
  /** It gets SIGINT, as by Ctrl-C, when this resolves. */
  interrupted?: Promise<unknown>;
  /** It is ended then: before a test's own time is up, so that nothing of it stays behind. Default 10 minutes. */
  longestMs?: number;
}

const ANSIBLE = '/usr/local/bin:/usr/bin:/bin';

/** @param home where it may write what it likes */
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

/** Runs a play of these tasks against localhost, by the real `ansible-playbook`. */
export async function play(
  tasks: object[],
  { env = {}, words = [], play = {}, interrupted, longestMs = 600_000 }: PlayOptions = {},
): Promise<Played> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-playbook-'));
  try {
    const book = join(directory, 'play.yml');
    await writeFile(
      book,
      stringify([{ name: 'Play', hosts: 'localhost', gather_facts: false, ...play, tasks }]),
    );
    const running = execa('ansible-playbook', ['-i', 'localhost,', ...words, book], {
      reject: false,
      // A group of its own: a terminal sends Ctrl-C to all of them.
      detached: true,
      timeout: longestMs,
      extendEnv: false,
      env: {
        ...ansibleEnvironment(directory),
        ANSIBLE_CALLBACK_PLUGINS: join(import.meta.dirname, 'callback'),
        ANSIBLE_STDOUT_CALLBACK: 'told',
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

function played(status: number | undefined, stdout: string, stderr: string): Played {
  const output = `${stdout}\n${stderr}`;
  const told = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Told);
  const of = (task: string) => {
    const found = told.findLast((one) => one.task === task);
    if (!found) throw new Error(`no result of '${task}' in:\n${output}`);
    return found;
  };
  return { status, told, stdout, output, of };
}
