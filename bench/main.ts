/** `npm run bench`: compares the agent and the command with common alternatives, on the same queue in the same minutes. */
import { cpus } from 'node:os';
import { Command } from 'commander';
import { formatTable } from '../cli/terminal/columns.ts';
import { benchEnqueue, type EnqueueRate, enqueueVerdict } from './benches/enqueue.ts';
import { benchMemory, type Memory } from './benches/memory.ts';
import { benchOutput, type Output, outputVerdict } from './benches/output.ts';
import { benchRate, type Rate, rateVerdicts } from './benches/rate.ts';
import { namesFrom, wholeNumberFrom } from './options.ts';
import { openBenchSetup } from './setup/setup.ts';

const BENCHES = ['rate', 'enqueue', 'output', 'memory'] as const;

interface Options {
  json: boolean;
  jobs: number;
  runs: number;
  lines: number;
  mib: number;
  only: (typeof BENCHES)[number][];
}

const options = new Command('npm run bench --')
  .description('Jobs a second, calls per job and idle memory: medians of interleaved runs.')
  .option('--json', 'print the results as JSON', false)
  .option('--jobs <number>', 'jobs in a run', wholeNumberFrom(2), 1000)
  .option('--runs <number>', 'runs of each contender', wholeNumberFrom(1), 5)
  .option('--lines <number>', 'jobs in the file that is enqueued', wholeNumberFrom(2), 10_000)
  .option('--mib <number>', 'MiB of output in a run', wholeNumberFrom(1), 1024)
  .option('--only <names>', `some of: ${BENCHES.join(',')}`, namesFrom(BENCHES), [...BENCHES])
  .parse()
  .opts<Options>();

const { only: wanted, runs, jobs, lines, mib } = options;
const onRun = (line: string) => console.error(line);
const stage = await openBenchSetup();
try {
  const rates = wanted.includes('rate') ? await benchRate(stage, { jobs, runs, onRun }) : [];
  const enqueued = wanted.includes('enqueue') ? await benchEnqueue(stage, { jobs: lines, runs, onRun }) : [];
  const outputs = wanted.includes('output') ? await benchOutput(stage, { mib, runs, onRun }) : [];
  const memory = wanted.includes('memory') ? await benchMemory(stage, runs) : [];
  if (options.json)
    console.log(
      JSON.stringify({ node: process.version, cores: cpus().length, rates, enqueued, outputs, memory }),
    );
  else {
    print(rates, memory);
    printEnqueued(enqueued);
    printOutputs(outputs);
  }
} finally {
  await stage.close();
}

function print(rates: readonly Rate[], memory: readonly Memory[]): void {
  if (rates.length > 0) {
    const rows = rates.map((rate) => [
      rate.contender,
      rate.jobsPerSecond.toFixed(0),
      `±${(rate.spread * 100).toFixed(0)} %`,
      rate.ratio.toFixed(2),
      rate.sqsRequestsPerJob.toFixed(2),
      rate.tableWritesPerJob.toFixed(2),
    ]);
    const head = ['', 'jobs/s', 'spread', 'ratio', 'SQS requests a job', 'table writes a job'];
    console.log(`\`true\` in 8 slots, output captured\n\n${formatTable(head, rows, { rule: true })}\n`);
    for (const verdict of rateVerdicts(rates)) console.log(`${verdict}\n`);
  }
  if (memory.length === 0) return;
  const rows = memory.map(({ contender, residentMiB }) => [contender, residentMiB.toFixed(0)]);
  console.log(formatTable(['idle', 'resident MiB'], rows, { rule: true }));
}

function printEnqueued(rates: readonly EnqueueRate[]): void {
  if (rates.length === 0) return;
  const rows = rates.map(({ contender, jobsPerSecond, spread, ratio }) => [
    contender,
    jobsPerSecond.toFixed(0),
    `±${(spread * 100).toFixed(0)} %`,
    ratio.toFixed(2),
  ]);
  console.log(`\njobs from a file\n\n${formatTable(['', 'jobs/s', 'spread', 'ratio'], rows)}\n`);
  console.log(enqueueVerdict(rates));
}

function printOutputs(outputs: readonly Output[]): void {
  if (outputs.length === 0) return;
  const rows = outputs.map(({ contender, mibPerSecond, growthMiB, ratio }) => [
    contender,
    mibPerSecond.toFixed(0),
    growthMiB?.toFixed(0) ?? '',
    ratio.toFixed(2),
  ]);
  const head = ['', 'MiB/s', 'memory grows by, MiB', 'ratio'];
  console.log(`\n${mib} MiB of output of one worker\n\n${formatTable(head, rows, { rule: true })}\n`);
  console.log(outputVerdict(outputs));
}
