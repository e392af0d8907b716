import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CloudFormationClient,
  type Stack as DeployedStack,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { execa } from 'execa';
import { AwsClock } from '../aws/aws-clock.ts';
import { type Clients, createClients } from '../aws/clients.ts';
import { Fleet } from '../client/index.ts';

/** Durations, in seconds. */
export interface Timings {
  /** The duration of a job that has to run while something else is done. */
  jobSeconds: number;
  /** Between two polls. */
  pollSeconds: number;
  /**
   * Between two polls of a job that ends just before its table is deleted. Its instance terminates between the two, which takes
   * half a minute on EC2 and a tenth of a second on the embedded cloud.
   */
  lastPollSeconds: number;
  /** The longest launch of an instance, and its longest time to retire. */
  launchSeconds: number;
  retireSeconds: number;
}

const ON_AWS: Timings = {
  jobSeconds: 300,
  pollSeconds: 5,
  lastPollSeconds: 2,
  launchSeconds: 600,
  retireSeconds: 900,
};
const LOCALLY: Timings = {
  jobSeconds: 30,
  pollSeconds: 0.5,
  lastPollSeconds: 0.02,
  launchSeconds: 120,
  retireSeconds: 120,
};

/** The longest stack update or roll-back. */
const LONGEST_UPDATE_MS = 30 * 60_000;

export interface RunOptions {
  region: string;
  stack: string;
  /** For the files of the `cdk` command. */
  directory: string;
  /** Whether to use the embedded cloud. */
  local: boolean;
  /** Stops waits and commands. */
  signal: AbortSignal;
  /** Gets the output of the `cdk` command. */
  onLine: (line: string) => void;
}

/** The state that the checks of a run share: their stack, and the clients to examine it. */
export class FirstRun {
  readonly stack: string;
  readonly region: string;
  readonly timings: Timings;
  readonly clients: Clients;
  /** Jobs that a check leaves running for the next one. */
  running: string[] = [];
  readonly #options: RunOptions;
  readonly #cloudFormation: CloudFormationClient;
  #fleet: Fleet | undefined;
  #destroying: Promise<void> | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.stack = options.stack;
    this.region = options.region;
    this.timings = options.local ? LOCALLY : ON_AWS;
    this.clients = createClients(options.region, new AwsClock());
    this.#cloudFormation = new CloudFormationClient({ region: options.region });
  }

  /** Rejects before the deployment. */
  async fleet(): Promise<Fleet> {
    this.#fleet ??= await Fleet.find({ stack: this.stack, region: this.region });
    return this.#fleet;
  }

  /** The stack; undefined if it does not exist. */
  async findStack(): Promise<DeployedStack | undefined> {
    try {
      const { Stacks = [] } = await this.#cloudFormation.send(
        new DescribeStacksCommand({ StackName: this.stack }),
      );
      return Stacks[0];
    } catch (error) {
      if (error instanceof Error && error.message.includes('does not exist')) return undefined;
      throw error;
    }
  }

  deploy(maxCapacity: number): Promise<void> {
    const args = [
      '--require-approval',
      'never',
      '--outputs-file',
      join(this.#options.directory, 'outputs.json'),
    ];
    return this.#cdk(['deploy', ...args], { MAYFLY_FIRST_RUN_MAX_CAPACITY: String(maxCapacity) });
  }

  /**
   * Deletes the stack, also after an interrupt. Two calls run one after the other, because two commands cannot use the
   * directory of the assembly at once.
   */
  destroy(): Promise<void> {
    const before = this.#destroying;
    this.#destroying = (async () => {
      await before?.catch(() => {});
      await this.#atRest();
      await this.#cdk(['destroy', '--force'], {}, null);
    })();
    return this.#destroying;
  }

  /** Waits for the end of an update or roll-back, as after an interrupt: CloudFormation cannot delete the stack before. */
  async #atRest(): Promise<void> {
    const isBusy = async () => {
      // If the call fails, the command that follows says why.
      const stack = await this.findStack().catch(() => undefined);
      return /^(UPDATE|ROLLBACK).*_IN_PROGRESS$/.test(stack?.StackStatus ?? '');
    };
    const untilMs = performance.now() + LONGEST_UPDATE_MS;
    while ((await isBusy()) && performance.now() < untilMs) await delay(this.timings.pollSeconds * 1000);
  }

  /** Rejects with the last lines that the command printed. */
  async #cdk(
    args: string[],
    environment: Record<string, string>,
    signal: AbortSignal | null = this.#options.signal,
  ): Promise<void> {
    const { directory, local, onLine } = this.#options;
    const command = execa(
      'cdk',
      [
        ...args,
        '--app',
        'node first-run/app.ts',
        '--output',
        join(directory, 'cdk.out'),
        '--ci',
        '--no-color',
      ],
      {
        preferLocal: true,
        localDir: import.meta.dirname,
        cwd: join(import.meta.dirname, '..'),
        env: {
          // The region in which the checks look for the stack.
          AWS_REGION: this.region,
          MAYFLY_FIRST_RUN_STACK: this.stack,
          ...(local && { MAYFLY_FIRST_RUN_LOCAL: 'true' }),
          ...environment,
        },
        all: true,
        stdin: 'ignore',
        reject: false,
        ...(signal && { cancelSignal: signal }),
      },
    );
    for await (const line of command.iterable({ from: 'all' })) onLine(String(line));
    const { exitCode, all } = await command;
    signal?.throwIfAborted();
    if (exitCode === 0) return;
    throw new Error(`cdk ${args[0]} failed:\n${String(all).split('\n').slice(-25).join('\n')}`);
  }

  /**
   * Polls until there is a value.
   *
   * @param everySeconds the time between two polls
   * @throws Error that says what did not happen within `withinSeconds`
   */
  async waitUntil<T>(
    what: string,
    withinSeconds: number,
    look: () => Promise<T | undefined | false>,
    everySeconds = this.timings.pollSeconds,
  ): Promise<T> {
    const { signal } = this.#options;
    const since = performance.now();
    for (;;) {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      if (performance.now() - since >= withinSeconds * 1000) {
        throw new Error(`${what}: not within ${withinSeconds} s`);
      }
      await delay(everySeconds * 1000, undefined, { signal });
    }
  }

  close(): void {
    this.#fleet?.close();
    this.clients.destroy();
    this.#cloudFormation.destroy();
  }
}
