import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, realpathSync, writeFileSync } from 'node:fs';
import { appendFile, chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, normalize } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isCloudConfig, readWriteFiles, type UserDataFile } from './cloud-config.ts';
import { fetchTree } from './fetch-tree.ts';
import { killOnExit } from './kill-on-exit.ts';
import type { Instance, InstanceSpec, Launcher } from './launcher.ts';
import { kill, killInstance } from './processes.ts';

/** systemd's default `TimeoutStopSec` is 90 s; EC2 gives an instance some minutes. Real time. */
const STOP_MS = 120_000;

/** The Node.js options of the agent. systemd/mayfly-agent.service has the same ones, with the reason. */
export const NODE_OPTIONS = ['--max-semi-space-size=4'];

const TREE_FILE = '/etc/mayfly/tree.json';
const CONFIG_FILE = '/etc/mayfly/agent.json';

const ONLY_CLOUD_CONFIG =
  'Instances are processes here and do not run shell scripts of user-data: use a #cloud-config, or start a cloud ' +
  'whose instances are machines.';

export interface ProcessLauncherOptions {
  /** The time-out of an orderly shutdown, in milliseconds. Then the instance is killed. Default two minutes. */
  stopMs?: number;
}

/**
 * Instances as process groups on this machine. An instance reads its user-data, downloads the deployed tree with its
 * own role's credentials and runs the tree's agent (docs/contracts.md, "User-data"). If the user-data names
 * no tree, it boots and does nothing. Its output is in `instance.log` in its directory.
 */
export function createProcessLauncher({ stopMs = STOP_MS }: ProcessLauncherOptions = {}): Launcher {
  let warned = false;
  return {
    kind: 'processes',
    launch: async (spec) => {
      const ignored = findIgnoredPart(spec.userData);
      // For the person who started the cloud, once. Each instance has it in its log.
      if (ignored !== undefined && !warned) console.error(`mayfly: ${ignored}`);
      warned ||= ignored !== undefined;
      mkdirSync(spec.directory, { recursive: true });
      // Processes are recognised by their directory, whose path must not have links.
      return new ProcessInstance({ ...spec, directory: realpathSync(spec.directory) }, stopMs);
    },
    problemWith: (userData) =>
      userData.trim() === '' || isCloudConfig(userData) ? undefined : ONLY_CLOUD_CONFIG,
    ignoredPart: findIgnoredPart,
  };
}

const NO_SETUP = "The fleet's set-up (prop `setup`) is not run: instances are processes here.";

function findIgnoredPart(userData: string): string | undefined {
  try {
    const tree = readWriteFiles(userData).find(({ path }) => path === TREE_FILE);
    return tree && JSON.parse(tree.content.toString('utf8')).setup !== undefined ? NO_SETUP : undefined;
  } catch {
    // An unreadable one fails the boot, with its reason.
    return undefined;
  }
}

class ProcessInstance implements Instance {
  readonly gone: Promise<{ reason: string }>;
  readonly #spec: InstanceSpec;
  readonly #stopMs: number;
  /** The instance's disk: everything below it belongs to the instance. */
  readonly #disk: string;
  readonly #off = Promise.withResolvers<string>();
  readonly #killed = new AbortController();
  #agent: ChildProcess | undefined;
  /** Resolves when the agent process has ended; resolved if there is none. */
  #agentEnded: Promise<void> = Promise.resolve();
  #disarm: () => void = () => {};

  constructor(spec: InstanceSpec, stopMs: number) {
    this.#spec = spec;
    this.#stopMs = stopMs;
    this.#disk = join(spec.directory, 'disk');
    this.gone = this.#live();
  }

  async terminate(): Promise<void> {
    if (!this.#agent?.pid) {
      this.#kill('terminated before the agent ran');
    } else {
      kill(this.#agent.pid, 'SIGTERM');
      const stopped = await Promise.race([this.gone, delay(this.#stopMs, undefined, { ref: false })]);
      if (stopped === undefined) this.#kill('terminated, after it would not stop');
    }
    await this.gone;
  }

  async destroy(): Promise<void> {
    this.#kill('destroyed');
    await this.gone;
  }

  /** From start to end. Never rejects: a failed boot ends the instance. */
  async #live(): Promise<{ reason: string }> {
    const boot = this.#boot().catch(async (error: unknown) => {
      await this.#log(`boot failed: ${error instanceof Error ? error.message : String(error)}`);
      this.#off.resolve('boot failed');
    });
    const reason = await this.#off.promise;
    await boot;
    try {
      await killInstance(this.#disk, this.#agent?.pid ?? Number.NaN);
      await this.#agentEnded;
      this.#disarm();
    } catch (error) {
      await this.#log(String(error));
    }
    await this.#log(`off: ${reason}`);
    return { reason };
  }

  async #boot(): Promise<void> {
    await mkdir(this.#disk, { recursive: true });
    const treeDirectory = join(this.#disk, 'tree');
    if (this.#spec.restarted && existsSync(treeDirectory)) {
      // cloud-init does its work only at the first boot, and systemd's units start at each boot.
      await this.#log('booted again');
      if (!this.#killed.signal.aborted) this.#runAgent(treeDirectory);
      return;
    }
    const files = readWriteFiles(this.#spec.userData);
    for (const file of files) await writeOnto(this.#disk, file);
    const tree = files.find(({ path }) => path === TREE_FILE);
    if (!tree || !files.some(({ path }) => path === CONFIG_FILE)) {
      await this.#log('booted; its user-data names no tree to run');
      return;
    }
    const ignored = findIgnoredPart(this.#spec.userData);
    if (ignored !== undefined) await this.#log(ignored);
    await fetchTree(this.#spec, tree.content.toString('utf8'), treeDirectory, this.#killed.signal);
    if (!this.#killed.signal.aborted) this.#runAgent(treeDirectory);
  }

  #runAgent(treeDirectory: string): void {
    const log = openSync(join(this.#spec.directory, 'instance.log'), 'a');
    const bundle = join(treeDirectory, 'agent', 'agent.mjs');
    const args = [...NODE_OPTIONS, bundle, '--config', join(this.#disk, CONFIG_FILE)];
    const agent = spawn(process.execPath, args, {
      cwd: treeDirectory,
      env: this.#environment(),
      stdio: ['ignore', log, log],
      // A session of its own: signals to the cloud's process group do not reach it, and all its processes can be found.
      detached: true,
    });
    closeSync(log);
    this.#agent = agent;
    writeFileSync(join(this.#disk, 'run', 'agent.pid'), `${agent.pid}\n`);
    this.#agentEnded = describeEnd(agent).then((how) => this.#off.resolve(`powered off, ${how}`));
    if (agent.pid !== undefined) this.#disarm = killOnExit(agent.pid, this.#disk);
  }

  /** What systemd sets, and AWS's endpoint. No credentials: they come from the metadata, as on EC2. */
  #environment(): NodeJS.ProcessEnv {
    const { awsEndpoint, metadataEndpoint, region } = this.#spec;
    const state = join(this.#disk, 'var', 'lib', 'mayfly');
    const home = join(this.#disk, 'home');
    for (const directory of [state, home, join(this.#disk, 'run')]) {
      mkdirSync(directory, { recursive: true });
    }
    return {
      AWS_ENDPOINT_URL: awsEndpoint,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadataEndpoint,
      AWS_REGION: region,
      HOME: home,
      LANG: process.env['LANG'] ?? 'C.UTF-8',
      PATH: [dirname(process.execPath), process.env['PATH'] ?? '/usr/bin:/bin'].join(delimiter),
      STATE_DIRECTORY: state,
    };
  }

  #kill(reason: string): void {
    this.#killed.abort();
    this.#off.resolve(reason);
  }

  #log(line: string): Promise<void> {
    const at = new Date().toISOString();
    return appendFile(join(this.#spec.directory, 'instance.log'), `${at} machine: ${line}\n`);
  }
}

async function describeEnd(agent: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    agent.once('error', (error) => resolve(`the agent did not start: ${error.message}`));
    agent.once('exit', (code, signal) => {
      resolve(signal ? `the agent died of ${signal}` : `agent exit ${code}`);
    });
  });
}

async function writeOnto(disk: string, file: UserDataFile): Promise<void> {
  const path = join(disk, normalize(join('/', file.path)));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, file.content);
  await chmod(path, file.mode);
}
