import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Instance, InstanceSpec } from '../instances/launcher.ts';
import { macAddress } from '../instances/metadata.ts';
import type { MachineNamespaces } from './namespaces.ts';
import { machinePath } from './requirements.ts';

/** The result of a command on a machine. */
export interface CommandResult {
  status: number;
  stdout: string;
  stderr: string;
}

/** A machine that boots, as the host sees it. */
export interface Machine extends Instance {
  /** The directory of its journal, also after it has ended: `journalctl -D`. */
  readonly journal: string;
  /**
   * Runs a command on it as root. The machine's own `PATH` applies.
   *
   * @throws Error if the machine's first process is not running.
   */
  run(...command: string[]): Promise<CommandResult>;
}

export interface MachineOptions {
  namespaces: MachineNamespaces;
  /** The number of the machine in the cloud, from 0. The name of its interface contains it. */
  number: number;
  /** The root of its file system before the first boot. */
  image: string;
  /** The directory of the host that is mounted at `/mnt/shared`. */
  shared: string;
  /** The time-out of an orderly shutdown, in milliseconds. Then the machine is killed. */
  stopMs: number;
}

const SCRIPT = join(import.meta.dirname, 'machine.sh');
const ISOLATION = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
const MACHINE_ENVIRONMENT = [
  'HOME=/root',
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'LANG=C.UTF-8',
];
const LARGEST_OUTPUT_BYTES = 64 * 1024 * 1024;
/** How often a command on a machine gets SIGCONT: often enough not to delay its end. */
const WAKE_MS = 500;

/** Boots a machine. Its directory has its console in `instance.log` and its journal in `journal`. */
export async function bootMachine(spec: InstanceSpec, options: MachineOptions): Promise<Machine> {
  await mkdir(join(spec.directory, 'journal'), { recursive: true });
  await mkdir(join(spec.directory, 'disk'), { recursive: true });
  return new BootedMachine(spec, options);
}

/** Removes the disk of a stopped machine. */
export async function discardDisk(directory: string): Promise<void> {
  await rm(join(directory, 'disk.tar'), { force: true });
}

class BootedMachine implements Machine {
  readonly gone: Promise<{ reason: string }>;
  readonly journal: string;
  readonly #spec: InstanceSpec;
  readonly #stopMs: number;
  /** The process of `nsenter`, which ends when everything on the machine has ended. */
  readonly #process: ChildProcess;
  #cause = 'powered off';

  constructor(spec: InstanceSpec, options: MachineOptions) {
    this.#spec = spec;
    this.#stopMs = options.stopMs;
    this.journal = join(spec.directory, 'journal');
    this.#process = startMachine(spec, options);
    this.#process.stdin?.on('error', () => {});
    this.gone = this.#live();
  }

  async terminate(): Promise<void> {
    this.#cause = 'terminated';
    await this.#shutDown();
  }

  async stop(): Promise<void> {
    this.#cause = 'stopped';
    this.#process.stdin?.write('keep\n');
    await this.#shutDown();
  }

  async #shutDown(): Promise<void> {
    this.#process.stdin?.write('stop\n');
    const waiting = new AbortController();
    const stopped = await Promise.race([
      this.gone,
      delay(this.#stopMs, undefined, { ref: false, signal: waiting.signal }).catch(() => {}),
    ]);
    waiting.abort();
    if (stopped === undefined) this.#kill(`${this.#cause}, after it would not stop`);
    await this.gone;
  }

  async destroy(): Promise<void> {
    this.#kill('destroyed');
    await this.gone;
  }

  async run(...command: string[]): Promise<CommandResult> {
    const target = ['--target', String(this.#firstProcess()), '--all'];
    const args = [...target, '--', 'env', '-i', ...MACHINE_ENVIRONMENT, ...command];
    const options = { maxBuffer: LARGEST_OUTPUT_BYTES, env: { PATH: machinePath } };
    return new Promise((resolve, reject) => {
      const entered = execFile('nsenter', args, options, (error, stdout, stderr) => {
        clearInterval(waking);
        const status = error ? error.code : 0;
        if (typeof status === 'number') resolve({ status, stdout, stderr });
        else reject(error);
      });
      // A machine that shuts down sends SIGSTOP to its processes before it kills them. nsenter stops with its child,
      // and then the machine would wait for it forever.
      const waking = setInterval(() => entered.kill('SIGCONT'), WAKE_MS);
    });
  }

  async #live(): Promise<{ reason: string }> {
    const status = await new Promise<number | string>((resolve) => {
      this.#process.once('error', (error) => resolve(error.message));
      this.#process.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    const unexpected = status !== 0 && this.#cause === 'powered off';
    const reason = unexpected ? `ended by itself (${status})` : this.#cause;
    await rm(join(this.#spec.directory, 'disk'), { recursive: true, force: true });
    const at = new Date().toISOString();
    appendFileSync(join(this.#spec.directory, 'instance.log'), `${at} machine: off: ${reason}\n`);
    return { reason };
  }

  #kill(cause: string): void {
    this.#cause = cause;
    this.#process.stdin?.write('kill\n');
  }

  /** The process tree is nsenter > unshare > machine.sh > systemd-nspawn > the machine's first process. */
  #firstProcess(): number {
    const script = onlyChild(onlyChild(this.#process.pid));
    const nspawn = childrenOf(script).find((pid) => nameOf(pid) === 'systemd-nspawn');
    const [first] = childrenOf(nspawn);
    if (first === undefined) throw new Error(`${this.#spec.instanceId} is not running`);
    return first;
  }
}

function startMachine(spec: InstanceSpec, { namespaces, number, image, shared }: MachineOptions) {
  const { instanceId, privateIp, directory } = spec;
  const machine = [
    instanceId,
    String(number),
    macAddress(privateIp),
    directory,
    image,
    namespaces.name,
    shared,
  ];
  const enter = ['--target', String(namespaces.pid), '--mount', '--net', '--pid', '--'];
  const log = openSync(join(directory, 'instance.log'), 'a');
  try {
    return spawn('nsenter', [...enter, 'unshare', ...ISOLATION, 'sh', SCRIPT, ...machine], {
      detached: true,
      stdio: ['pipe', log, log],
      env: { PATH: machinePath, LC_ALL: 'C' },
    });
  } finally {
    closeSync(log);
  }
}

function onlyChild(pid: number | undefined): number | undefined {
  return childrenOf(pid)[0];
}

/** "proc_pid_task_children(5)"; empty for a process that has ended. */
function childrenOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return '';
  }
}
