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

/** How long things take, in seconds. */
export interface Pace {
  /** How long a job runs that has to be running while something else is done. */
  job: number;
  /** Between two looks. */
  look: number;
  /**
   * Between two looks at a job that ends just before its table goes. EC2 takes half a minute to terminate its instance, which
   * lies between; the embedded cloud takes a tenth of a second.
   */
  lastLook: number;
  /** How long an instance may take to come, and to go again by itself. */
  come: number;
  go: number;
}

export const ON_AWS: Pace = { job: 300, look: 5, lastLook: 2, come: 600, go: 900 };
export const LOCALLY: Pace = { job: 30, look: 0.5, lastLook: 0.02, come: 120, go: 120 };

/** Of an update that was begun, or of its roll-back. */
const LONGEST_UPDATE_MS = 30 * 60_000;

export interface RunOptions {
  region: string;
  stack: string;
  /** For what the `cdk` command leaves. */
  directory: string;
  /** Whether it is the embedded cloud. */
  local: boolean;
  /** Ends waits and commands. */
  signal: AbortSignal;
  /** Gets what the `cdk` command prints. */
  onLine: (line: string) => void;
}

/** What the checks of one run share: a stack of its own, and the ways to look at it. */
export class FirstRun {
  readonly stack: string;
  readonly region: string;
  readonly pace: Pace;
  readonly clients: Clients;
  /** Jobs that a check has left running for the next one. */
  running: string[] = [];
  readonly #options: RunOptions;
  readonly #cloudFormation: CloudFormationClient;
  #fleet: Fleet | undefined;
  #destroying: Promise<void> | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.stack = options.stack;
    this.region = options.region;
    this.pace = options.local ? LOCALLY : ON_AWS;
    this.clients = createClients(options.region, new AwsClock());
    this.#cloudFormation = new CloudFormationClient({ region: options.region });
  }

  /** Rejects before the deployment. */
  async fleet(): Promise<Fleet> {
    this.#fleet ??= await Fleet.find({ stack: this.stack, region: this.region });
    return this.#fleet;
  }

  /** The stack as CloudFormation knows it; undefined if it does not. */
  async deployed(): Promise<DeployedStack | undefined> {
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
    const words = [
      '--require-approval',
      'never',
      '--outputs-file',
      join(this.#options.directory, 'outputs.json'),
    ];
    return this.#cdk(['deploy', ...words], { MAYFLY_FIRST_RUN_MAX_CAPACITY: String(maxCapacity) });
  }

  /**
   * Whatever happens meanwhile: what was made has to go. One after the other: two commands at once refuse each other the
   * directory of the assembly.
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

  /** CloudFormation deletes no stack that is updated or rolled back: one whose check was interrupted may be. */
  async #atRest(): Promise<void> {
    const isBusy = async () => {
      // The command says why the stack cannot be looked at.
      const stack = await this.deployed().catch(() => undefined);
      return /^(UPDATE|ROLLBACK).*_IN_PROGRESS$/.test(stack?.StackStatus ?? '');
    };
    const untilMs = performance.now() + LONGEST_UPDATE_MS;
    while ((await isBusy()) && performance.now() < untilMs) await delay(this.pace.look * 1000);
  }

  /** Rejects with the last lines that the command printed. */
  async #cdk(
    words: string[],
    environment: Record<string, string>,
    signal: AbortSignal | null = this.#options.signal,
  ): Promise<void> {
    const { directory, local, onLine } = this.#options;
    const command = execa(
      'cdk',
      [
        ...words,
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
          // Nowhere else than where it is looked for.
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
    throw new Error(`cdk ${words[0]} failed:\n${String(all).split('\n').slice(-25).join('\n')}`);
  }

  /**
   * Looks until there is something.
   *
   * @param everySeconds how long after each look the next one comes
   * @throws Error that says what has not come within so many seconds
   */
  async until<T>(
    what: string,
    withinSeconds: number,
    look: () => Promise<T | undefined | false>,
    everySeconds = this.pace.look,
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
