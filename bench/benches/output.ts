import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { startAgent } from '../contenders/agent.ts';
import { residentMiB } from '../setup/resident.ts';
import { type BenchSetup, stopChild } from '../setup/setup.ts';
import { median } from '../stats.ts';

const MIB = 1024 * 1024;
const POLL_MS = 50;
const SETTLE_MS = 3_000;
const LONGEST_RUN_MS = 600_000;

export const AGENT = 'agent, output to the job’s log';
export const UPLOAD = 'the same into aws s3 cp';
/** The agent's memory grows by at most this, however much a worker prints. */
const MAX_GROWTH_MIB = 40;

export interface Output {
  contender: string;
  mibPerSecond: number;
  /** Growth of resident memory from idle to the peak. Only measured for the agent. */
  growthMiB?: number;
  ratio: number;
}

export interface OutputOptions {
  /** MiB of output in each run. */
  mib: number;
  runs: number;
  onRun: (line: string) => void;
}

interface Result {
  seconds: number;
  growthMiB?: number;
}

/** How fast a worker's output reaches the log bucket, and how much the agent's memory grows. */
export async function benchOutput(stage: BenchSetup, { mib, runs, onRun }: OutputOptions): Promise<Output[]> {
  const contenders: Record<string, () => Promise<Result>> = {
    [AGENT]: () => runAgent(stage, mib),
    [UPLOAD]: () => runUpload(stage, mib),
  };
  const results = new Map<string, Result[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let run = 1; run <= runs; run++) {
    for (const [name, measure] of Object.entries(contenders)) {
      await stage.prepare(0);
      const result = await measure();
      results.get(name)?.push(result);
      onRun(`run ${run} of ${runs}: ${name}: ${(mib / result.seconds).toFixed(0)} MiB/s`);
    }
  }
  const speedOf = (name: string) => median((results.get(name) ?? []).map(({ seconds }) => mib / seconds));
  return [...results].map(([contender, list]) => {
    const mibPerSecond = speedOf(contender);
    const growths = list.flatMap(({ growthMiB }) => (growthMiB === undefined ? [] : [growthMiB]));
    const growth = growths.length > 0 ? { growthMiB: median(growths) } : {};
    return { contender, mibPerSecond, ...growth, ratio: mibPerSecond / speedOf(UPLOAD) };
  });
}

/** Whether the agent's memory stayed small enough; undefined if it was not measured. */
export function outputVerdict(outputs: readonly Output[]): string | undefined {
  const growth = outputs.find(({ contender }) => contender === AGENT)?.growthMiB;
  if (growth === undefined) return undefined;
  const met = growth <= MAX_GROWTH_MIB ? 'met' : 'NOT met';
  return `The memory of the agent grows by ${growth.toFixed(0)} MiB (at most ${MAX_GROWTH_MIB}): ${met}.`;
}

/** One job that prints this much. Its message is deleted when its log is in the bucket. */
async function runAgent(stage: BenchSetup, mib: number): Promise<Result> {
  const command = ['sh', '-c', 'head -c "$1" /dev/zero', 'sh'];
  const agent = await startAgent(stage, { slots: 1, command, trackJobs: true });
  try {
    await delay(SETTLE_MS);
    const idleMiB = await residentOf(agent);
    const startMs = performance.now();
    await stage.send(`${mib * MIB}`);
    const highestMiB = await highestUntilEmpty(stage, agent);
    return { seconds: (performance.now() - startMs) / 1000, growthMiB: highestMiB - idleMiB };
  } finally {
    await stopChild(agent);
  }
}

async function highestUntilEmpty(stage: BenchSetup, agent: ChildProcess): Promise<number> {
  const until = performance.now() + LONGEST_RUN_MS;
  let highest = 0;
  while (performance.now() < until) {
    highest = Math.max(highest, await residentOf(agent));
    if ((await stage.countLeft()) === 0) return highest;
    await delay(POLL_MS);
  }
  throw new Error(`the job had not ended after ${LONGEST_RUN_MS / 1000} s`);
}

function residentOf({ pid, exitCode }: ChildProcess): Promise<number> {
  if (pid === undefined || exitCode !== null) throw new Error('the agent exited early');
  return residentMiB(pid);
}

/** An upload with the AWS CLI, as an operator without an agent would write it. */
async function runUpload(stage: BenchSetup, mib: number): Promise<Result> {
  const startMs = performance.now();
  const script = `head -c ${mib * MIB} /dev/zero | aws s3 cp - "s3://$1/log" --expected-size ${mib * MIB}`;
  await execa('sh', ['-c', script, 'sh', stage.bucket], { env: stage.environment, extendEnv: false });
  return { seconds: (performance.now() - startMs) / 1000 };
}
