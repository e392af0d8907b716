import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { startAgent } from '../contenders/agent.ts';
import { startBaseline } from '../contenders/baseline.ts';
import type { Counts } from '../setup/servers.ts';
import { type BenchSetup, stopChild } from '../setup/setup.ts';
import { missingForCgroups, openSlotSockets } from '../setup/slot-sockets.ts';
import { median, spread } from '../stats.ts';

const SLOTS = 8;
const COMMAND = ['true'];
/** How often the depth of the queue is read: rarely enough not to disturb the measurement. */
const POLL_MS = 50;
const LONGEST_RUN_MS = 120_000;

export interface RateOptions {
  jobs: number;
  runs: number;
  onRun: (line: string) => void;
}

export interface Rate {
  contender: string;
  jobsPerSecond: number;
  /** Half the range of the runs, as a fraction of the median. */
  spread: number;
  sqsRequestsPerJob: number;
  tableWritesPerJob: number;
  /** To the rate of sqs-consumer with execa in the same run. */
  ratio: number;
}

type Start = (stage: BenchSetup) => Promise<ChildProcess>;

const AGENT = { slots: SLOTS, command: COMMAND };
const PRINTING = { command: ['echo', 'a line'] };
export const PLAIN = 'agent, no job table';
export const ISOLATED = 'the same, a cgroup for each worker';
/** Workers that print a line: without records, and with status and log. */
export const UNFOLLOWED = 'agent, a line of output, nothing kept';
export const FOLLOWED = 'the same, status and log kept';
const PEER = 'sqs-consumer + execa';

/** With a cgroup for each worker, the agent runs at least this fraction of the jobs a second. */
const MIN_ISOLATED_RATIO = 0.7;
/** The same for status and log. */
const MIN_FOLLOWED_RATIO = 0.45;

const contenders: Record<string, Start> = {
  [PLAIN]: (stage) => startAgent(stage, { ...AGENT, trackJobs: false }),
  [ISOLATED]: (stage) => withSlots((sockets) => startAgent(stage, { ...AGENT, trackJobs: false, sockets })),
  [UNFOLLOWED]: (stage) => startAgent(stage, { ...AGENT, ...PRINTING, trackJobs: false }),
  [FOLLOWED]: (stage) => startAgent(stage, { ...AGENT, ...PRINTING, trackJobs: true }),
  [PEER]: async (stage) => startBaseline(stage, SLOTS, COMMAND),
};

/** Jobs a second with `true` in 8 slots. The contenders take turns, so that a slow minute affects all of them. */
export async function benchRate(stage: BenchSetup, { jobs, runs, onRun }: RateOptions): Promise<Rate[]> {
  const results = new Map<string, RunResult[]>();
  const noCgroups = missingForCgroups();
  if (noCgroups) onRun(`not measured: ${ISOLATED}: ${noCgroups}`);
  const measured = Object.entries(contenders).filter(([name]) => name !== ISOLATED || !noCgroups);
  for (let run = 1; run <= runs; run++) {
    for (const [name, start] of measured) {
      const result = await runOnce(stage, jobs, start);
      results.set(name, [...(results.get(name) ?? []), result]);
      onRun(`run ${run} of ${runs}: ${name}: ${result.jobsPerSecond.toFixed(0)} jobs/s`);
    }
  }
  const rateOf = (name: string) => (results.get(name) ?? []).map(({ jobsPerSecond }) => jobsPerSecond);
  const baseline = median(rateOf(PEER));
  return [...results].map(([contender, list]) => ({
    contender,
    jobsPerSecond: median(rateOf(contender)),
    spread: spread(rateOf(contender)),
    sqsRequestsPerJob: median(list.map(({ sqsRequests }) => sqsRequests / jobs)),
    tableWritesPerJob: median(list.map(({ tableWrites }) => tableWrites / jobs)),
    ratio: median(rateOf(contender)) / baseline,
  }));
}

/** For each limit, whether it was met. A limit is left out if one of its contenders was not measured. */
export function rateVerdicts(rates: readonly Rate[]): string[] {
  const rateOf = (name: string) => rates.find(({ contender }) => contender === name)?.jobsPerSecond;
  return LIMITS.flatMap(({ what, with: name, without, atLeast }) => {
    const [base, costly] = [rateOf(without), rateOf(name)];
    if (base === undefined || costly === undefined) return [];
    const ratio = costly / base;
    const met = ratio >= atLeast ? 'met' : 'NOT met';
    return [`With ${what} the agent runs ${ratio.toFixed(2)} of the jobs (at least ${atLeast}): ${met}.`];
  });
}

const LIMITS = [
  { what: 'a cgroup for each worker', with: ISOLATED, without: PLAIN, atLeast: MIN_ISOLATED_RATIO },
  { what: 'status and log', with: FOLLOWED, without: UNFOLLOWED, atLeast: MIN_FOLLOWED_RATIO },
];

/** The slots are closed when the contender exits. */
async function withSlots(start: (sockets: string) => Promise<ChildProcess>): Promise<ChildProcess> {
  const sockets = await openSlotSockets({ cleansUp: true });
  const contender = await start(sockets.path);
  contender.once('exit', () => void sockets.close());
  return contender;
}

interface RunResult {
  jobsPerSecond: number;
  sqsRequests: number;
  tableWrites: number;
}

/** Measures from the end of the first job to the end of the last, so that the start of the process does not count. */
async function runOnce(
  stage: BenchSetup,
  jobs: number,
  start: (stage: BenchSetup) => Promise<ChildProcess>,
): Promise<RunResult> {
  await stage.prepare(jobs);
  await stage.resetCounts();
  const contender = await start(stage);
  try {
    const first = await untilLeft(stage, contender, jobs - 1);
    const last = await untilLeft(stage, contender, 0);
    const counts = await stage.counts();
    return {
      jobsPerSecond: (first.left - last.left) / ((last.atMs - first.atMs) / 1000),
      sqsRequests: sum(
        counts,
        (action) => action.startsWith('AmazonSQS') && !action.endsWith('GetQueueAttributes'),
      ),
      tableWrites: sum(
        counts,
        (action) => action.startsWith('DynamoDB') && /Put|Update|Delete|Write/.test(action),
      ),
    };
  } finally {
    await stopChild(contender);
  }
}

async function untilLeft(
  stage: BenchSetup,
  contender: ChildProcess,
  most: number,
): Promise<{ left: number; atMs: number }> {
  const until = performance.now() + LONGEST_RUN_MS;
  while (performance.now() < until) {
    if (contender.exitCode !== null) throw new Error(`a contender exited with status ${contender.exitCode}`);
    const left = await stage.countLeft();
    if (left <= most) return { left, atMs: performance.now() };
    await delay(POLL_MS);
  }
  throw new Error(`the queue was not empty after ${LONGEST_RUN_MS / 1000} s`);
}

function sum(counts: Counts, wanted: (action: string) => boolean): number {
  return Object.entries(counts).reduce((total, [action, count]) => total + (wanted(action) ? count : 0), 0);
}
