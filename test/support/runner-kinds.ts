import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { FleetCommands } from '../../agent/runner/fleet-programs.ts';
import { ProcessRunner } from '../../agent/runner/process-runner.ts';
import type { OutputSink, Run, Runner, Task } from '../../agent/runner/runner.ts';
import { SlotRunner } from '../../agent/runner/slot-runner.ts';
import { systemClock } from '../../aws/clock.ts';
import {
  openSlotSockets,
  type SlotSockets,
  type SlotSocketsOptions,
} from '../../bench/setup/slot-sockets.ts';

/** Runners of one kind, and a directory for their workers. */
export interface RunnerBench {
  /** Every user may write here: workers in slots run as other users. */
  directory: string;
  /** Undefined for workers that are child processes. */
  sockets: SlotSockets | undefined;
  /** Returns a runner that was checked. It is closed with the workshop. */
  runnerOf(command: readonly [string, ...string[]], more?: Partial<Setting>): Promise<Runner>;
  /** Starts `sh -c SCRIPT worker`, with the argument after it. */
  start(script: string, task?: Partial<Task>): Promise<Run>;
  close(): Promise<void>;
}

interface Setting extends Pick<FleetCommands, 'instanceCheck' | 'commands'> {
  environment: Record<string, string>;
  directory: string;
  slots: number;
}

const PATH = '/usr/local/bin:/usr/bin:/bin';

export async function openProcessBench(): Promise<RunnerBench> {
  return workshop(undefined, (setting) => new ProcessRunner(setting));
}

export async function openSlotBench(options?: SlotSocketsOptions): Promise<RunnerBench> {
  const sockets = await openSlotSockets(options);
  return workshop(sockets, (setting) => new SlotRunner({ ...setting, sockets: sockets.path }));
}

/** Returns a function that opens workshops of slots. They are closed after each test. */
export function useSlotBenches(): typeof openSlotBench {
  const shops: RunnerBench[] = [];
  afterEach(async () => {
    for (const shop of shops.splice(0)) await shop.close();
  });
  return async (options) => {
    const shop = await openSlotBench(options);
    shops.push(shop);
    return shop;
  };
}

type Make = (
  setting: Setting & { command: readonly [string, ...string[]]; clock: typeof systemClock },
) => Runner;

async function workshop(sockets: SlotSockets | undefined, make: Make): Promise<RunnerBench> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-runner-'));
  await chmod(directory, 0o777);
  const runners: Runner[] = [];
  const runnerOf: RunnerBench['runnerOf'] = async (command, more = {}) => {
    // A slot has one agent, so the previous runner is closed first.
    for (const before of sockets ? runners : []) before.close();
    const setting = { environment: { PATH }, directory, slots: 1, ...more };
    const runner = recordOutput(make({ ...setting, command, clock: systemClock }));
    runners.push(runner);
    await runner.check();
    return runner;
  };
  return {
    directory,
    sockets,
    runnerOf,
    async start(script, task = {}) {
      const runner = await runnerOf(['sh', '-c', script, 'worker']);
      return runner.start({ stdin: '', argument: undefined, variables: {}, ...task });
    },
    async close() {
      for (const runner of runners) runner.close();
      await sockets?.close();
      await rm(directory, { recursive: true });
    },
  };
}

const outputs = new WeakMap<Run, Buffer[]>();

/** A runner that records the output of workers if the test has no sink. */
export function recordOutput(runner: Runner): Runner {
  return {
    check: () => runner.check(),
    start(task) {
      const parts: Buffer[] = [];
      const output: OutputSink = { write: (_, chunk) => void parts.push(Buffer.from(chunk)) };
      const run = runner.start({ output, ...task });
      outputs.set(run, parts);
      return run;
    },
    close: () => runner.close(),
  };
}

/** The output of a worker that has ended, both streams in the order in which they came. */
export async function printed(run: Run): Promise<string> {
  await run.ended;
  return Buffer.concat(outputs.get(run) ?? []).toString();
}

/** The output of a worker that exited. */
export async function outputOf(run: Run): Promise<string> {
  const end = await run.ended;
  if (end.kind !== 'exited') throw new Error(`the worker did not exit: ${JSON.stringify(end)}`);
  return printed(run);
}
