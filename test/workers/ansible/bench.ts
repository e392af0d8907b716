import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { packageRoot } from '../../../lib/package-files.ts';
import { ansibleEnvironment } from '../../ansible/collection/playbook.ts';

/** `playbooks.json`, as far as a test sets it. */
export interface Settings {
  [key: string]: unknown;
  playbooks?: Record<string, object>;
}

export interface Job {
  target?: string | undefined;
  /** The body: JSON of an object, anything else as it is. */
  body?: string | object;
  /** Further variables: of the job, and secrets. */
  env?: Record<string, string>;
  /** False: the worker has no MAYFLY_RESULT. */
  hasResult?: boolean;
}

export interface JobEnd {
  status: number | undefined;
  stdout: string;
  stderr: string;
  result: Result | undefined;
}

export interface Result {
  status: string;
  message?: string;
  recap?: Record<string, number>;
  failedTask?: { task: string; file: string; line: number; message: string };
}

/** A deployed tree: `worker/` has playbooks and an inventory, `ansible-worker/` the program and its configuration. */
export interface Bench {
  readonly directory: string;
  /** The worker directory. */
  readonly worker: string;
  /** The playbooks leave their traces here. */
  readonly traces: string;
  configure(settings: Settings): void;
  start(job: Job): { pid: number; stop(): void; ended: Promise<JobEnd> };
  run(job: Job): Promise<JobEnd>;
  /** The names of what the playbooks left. */
  left(): string[];
  close(): void;
}

const PROGRAM = join(packageRoot, 'workers/ansible');
export const PLAYBOOKS = join(import.meta.dirname, 'playbooks');

/** All playbooks of `playbooks/` by their names, without variables that a job may set. */
function allPlaybooks(): Record<string, object> {
  const names = readdirSync(PLAYBOOKS).filter((name) => name.endsWith('.yml'));
  return Object.fromEntries(
    names.map((name) => [name.slice(0, -4), { path: name, inventory: 'inventory.yml' }]),
  );
}

/** @param ansible the directory of the programs of Ansible; undefined: they are on the `PATH` */
export function openBench(ansible?: string): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-ansible-worker-'));
  const [worker, traces, home] = ['worker', 'traces', 'home'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  cpSync(PLAYBOOKS, worker, { recursive: true });
  cpSync(PROGRAM, join(directory, 'ansible-worker'), {
    recursive: true,
    filter: (path) => !path.includes('__pycache__'),
  });
  for (const path of [traces, home]) mkdirSync(path);
  const configure = ({ playbooks = {}, ...settings }: Settings) =>
    writeFileSync(
      join(directory, 'ansible-worker/playbooks.json'),
      JSON.stringify({
        playbooks: { ...allPlaybooks(), ...playbooks },
        ...(ansible && { ansible }),
        ...settings,
      }),
    );
  configure({});
  let jobs = 0;
  const start = ({ target = 'web1', body = '', env = {}, hasResult = true }: Job) => {
    jobs += 1;
    const file = join(directory, `result-${jobs}`);
    const { ANSIBLE_COLLECTIONS_PATH: _, ...environment } = ansibleEnvironment(home);
    const child = execa(join(directory, 'ansible-worker/mayfly-ansible'), {
      cwd: worker,
      input: typeof body === 'string' ? body : JSON.stringify(body),
      extendEnv: false,
      env: {
        ...environment,
        ...{ TRACES: traces, MAYFLY_TARGET: target },
        ...(hasResult && { MAYFLY_RESULT: file }),
        ...env,
      },
      reject: false,
      // The worker itself has to end what it started.
      forceKillAfterDelay: false,
      timeout: 100_000,
    });
    const ended = child.then(({ exitCode, stdout, stderr }): JobEnd => {
      const result = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Result) : undefined;
      return { status: exitCode, stdout, stderr, result };
    });
    return { pid: child.pid ?? Number.NaN, stop: () => void child.kill('SIGTERM'), ended };
  };
  return {
    ...{ directory, worker, traces, configure, start },
    run: (job) => start(job).ended,
    left: () => readdirSync(traces).sort(),
    close: () => remove(directory),
  };
}

/** Checkouts are read-only, which stops anybody but root. */
function remove(directory: string): void {
  spawnSync('chmod', ['-R', 'u+w', directory]);
  rmSync(directory, { recursive: true, force: true });
}
