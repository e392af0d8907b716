import type { Facts, Verdict } from '../checker/facts.ts';
import { gatherFacts } from '../checker/gather.ts';
import { judge } from '../checker/judge.ts';
import type { Cloud } from '../local/cloud.ts';
import { operatorClients } from './clients.ts';
import { type DeployedStack, deploy } from './deploy.ts';
import { FIRST_WAVE, FLEET, TILE_SIZE, VIEW } from './fleet.ts';
import type { History, Mark } from './history.ts';
import { instanceHistories, readInstanceRecords } from './instance-history.ts';
import type { InstanceSetup } from './instances.ts';
import { countPainted } from './paint.ts';
import { cutIntoTiles, type Tile } from './picture/tiles.ts';
import type { Progress } from './progress.ts';
import { sendJobs } from './send.ts';
import { watchFleet } from './watch.ts';

export interface RunDemoOptions {
  cloud: Cloud;
  stage: InstanceSetup;
  /** For the files of the deployment. */
  directory: string;
  progress: Progress;
  signal: AbortSignal;
}

export interface DemoResult {
  history: History;
  facts: Facts;
  verdict: Verdict;
  tiles: Tile[];
}

/** Runs the demo: deploys, sends jobs, watches until the fleet is back at zero, and checks the result. */
export async function runDemo({
  cloud,
  stage,
  directory,
  progress,
  signal,
}: RunDemoOptions): Promise<DemoResult> {
  progress.say('Deploying with `cdk deploy` ...');
  const stack = await deploy({
    access: cloud,
    directory,
    environment: stage.environment,
    signal,
  });
  const clients = operatorClients(cloud);
  try {
    const tiles = cutIntoTiles(VIEW, TILE_SIZE);
    const { sent, ...watched } = await runJobs({ stack, stage, clients, tiles, progress, signal });
    const facts = await gatherFacts({
      sent,
      journal: stage.journal,
      workersElsewhere: stage.launcher !== undefined,
      calls: cloud.logFile,
      leaseSeconds: FLEET.leaseSeconds,
      clients,
      stack,
    });
    const stories = await readInstanceRecords(clients.dynamodb, stack.table);
    const instances = instanceHistories(watched.instances, facts, stories);
    const { startedMs, endedMs, samples, marks } = watched;
    const history = { startedMs, endedMs, samples, marks, instances };
    return { history, facts, verdict: judge(facts), tiles };
  } finally {
    clients.destroy();
  }
}

interface RunJobsOptions {
  stack: DeployedStack;
  stage: InstanceSetup;
  clients: ReturnType<typeof operatorClients>;
  tiles: readonly Tile[];
  progress: Progress;
  signal: AbortSignal;
}

async function runJobs({ stack, stage, clients, tiles, progress, signal }: RunJobsOptions) {
  const startedMs = Date.now();
  const stop = new AbortController();
  let done = 0;
  const watch = watchFleet({
    clients,
    queueUrl: stack.queueUrl,
    group: stack.group,
    signal: AbortSignal.any([signal, stop.signal]),
    onSample: async (sample) => {
      const seconds = (sample.atMs - startedMs) / 1000;
      progress.show({ sample, maxCapacity: stage.maxCapacity, done, jobs: tiles.length, seconds });
      done = await countPainted(stage.tiles);
    },
  });
  const marks: Mark[] = [];
  const sent: string[] = [];
  const send = async (wave: readonly Tile[], label: string) => {
    sent.push(
      ...(await sendJobs(
        clients.sqs,
        stack.queueUrl,
        wave.map((tile) => JSON.stringify(tile)),
      )),
    );
    marks.push({ atMs: Date.now(), label });
    progress.say(`${label}.`);
  };
  try {
    await send(tiles.slice(0, FIRST_WAVE), `${FIRST_WAVE} jobs sent`);
    await watch.until(() => done >= FIRST_WAVE);
    await send(tiles.slice(FIRST_WAVE), `${tiles.length - FIRST_WAVE} more`);
    await watch.until(
      ({ visible, inFlight, desired, running }) => visible + inFlight + desired + running === 0,
    );
  } finally {
    stop.abort();
    progress.keepLast();
  }
  const { samples, instances } = watch;
  return {
    startedMs,
    endedMs: Date.now(),
    samples: [...samples],
    instances: instances.values(),
    marks,
    sent,
  };
}
