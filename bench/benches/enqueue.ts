import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { BenchSetup } from '../setup/setup.ts';
import { median, spread } from '../stats.ts';

const ROOT = join(import.meta.dirname, '../..');

export const ONE_BY_ONE = 'SendMessage, one by one';
export const ENQUEUE = 'mayfly enqueue --file';
/** `mayfly enqueue` sends at least this many times as many jobs a second, each with a record. */
const MIN_RATIO = 3;

export interface EnqueueRate {
  contender: string;
  jobsPerSecond: number;
  /** Half the range of the runs, as a fraction of the median. */
  spread: number;
  /** To the rate of single sends in the same run. */
  ratio: number;
}

export interface EnqueueOptions {
  jobs: number;
  runs: number;
  onRun: (line: string) => void;
}

/** Jobs a second from a file to the queue. Each contender is a process of its own, and its start counts. */
export async function benchEnqueue(
  stage: BenchSetup,
  { jobs, runs, onRun }: EnqueueOptions,
): Promise<EnqueueRate[]> {
  const file = join(stage.directory, 'jobs.txt');
  await writeFile(file, Array.from({ length: jobs }, (_, index) => `tile ${index}\n`).join(''));
  const contenders: Record<string, () => [program: string, ...args: string[]]> = {
    [ONE_BY_ONE]: () => [join(ROOT, 'bench/contenders/send-one-by-one.mjs'), stage.queueUrl, file],
    [ENQUEUE]: () => [join(ROOT, 'bin/mayfly.js'), 'enqueue', '--file', file],
  };
  const rates = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let run = 1; run <= runs; run++) {
    for (const [name, args] of Object.entries(contenders)) {
      await stage.prepare(0);
      const seconds = await runSeconds(args(), environmentOf(stage));
      const left = await stage.countLeft();
      if (left !== jobs) throw new Error(`${name} sent ${left} of ${jobs} jobs`);
      rates.get(name)?.push(jobs / seconds);
      onRun(`run ${run} of ${runs}: ${name}: ${(jobs / seconds).toFixed(0)} jobs/s`);
    }
  }
  await rm(file);
  const baseline = median(rates.get(ONE_BY_ONE) ?? []);
  return [...rates].map(([contender, values]) => {
    const jobsPerSecond = median(values);
    return { contender, jobsPerSecond, spread: spread(values), ratio: jobsPerSecond / baseline };
  });
}

/** Whether `mayfly enqueue` was fast enough; undefined if it was not measured. */
export function enqueueVerdict(rates: readonly EnqueueRate[]): string | undefined {
  const ratio = rates.find(({ contender }) => contender === ENQUEUE)?.ratio;
  if (ratio === undefined) return undefined;
  const met = ratio >= MIN_RATIO ? 'met' : 'NOT met';
  return `\`mayfly enqueue\` is ${ratio.toFixed(1)} times as fast (at least ${MIN_RATIO}): ${met}.`;
}

function environmentOf({ environment, queueUrl, table, bucket }: BenchSetup): Record<string, string> {
  return {
    ...environment,
    MAYFLY_QUEUE_URL: queueUrl,
    MAYFLY_TABLE: table,
    MAYFLY_LOG_BUCKET: bucket,
    MAYFLY_AUTO_SCALING_GROUP: 'bench',
  };
}

/** Seconds from the start of a process to its end. */
async function runSeconds(args: readonly string[], env: Record<string, string>): Promise<number> {
  const startMs = performance.now();
  await execa(process.execPath, args, { env, extendEnv: false, buffer: { stdout: false } });
  return (performance.now() - startMs) / 1000;
}
