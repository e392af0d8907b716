import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startAgent } from '../contenders/agent.ts';
import { residentMiB } from '../setup/resident.ts';
import { type BenchSetup, stopChild } from '../setup/setup.ts';
import { median } from '../stats.ts';

/** After this time the first long poll waits, and the memory that the start needed is collected. */
const SETTLE_MS = 4_000;

export interface Memory {
  contender: string;
  residentMiB: number;
}

/** Resident memory of an idle process during its first long poll. */
export async function benchMemory(stage: BenchSetup, runs: number): Promise<Memory[]> {
  const contenders: Record<string, () => Promise<ChildProcess>> = {
    'agent, idle': () => startAgent(stage, { slots: 8, command: ['true'], trackJobs: true }),
    'bare Node, long poll': async () => startBarePoller(stage),
  };
  await stage.prepare(0);
  const results: Memory[] = [];
  for (const [contender, start] of Object.entries(contenders)) {
    const values: number[] = [];
    for (let run = 0; run < runs; run++) values.push(await idleMiB(await start()));
    results.push({ contender, residentMiB: median(values) });
  }
  return results;
}

async function idleMiB(child: ChildProcess): Promise<number> {
  try {
    await delay(SETTLE_MS);
    if (child.pid === undefined || child.exitCode !== null) throw new Error('a contender exited early');
    return await residentMiB(child.pid);
  } finally {
    await stopChild(child);
  }
}

function startBarePoller(stage: BenchSetup): ChildProcess {
  const script = join(import.meta.dirname, '../contenders/bare-poller.mjs');
  const endpoint = stage.environment['AWS_ENDPOINT_URL'] ?? '';
  return spawn(process.execPath, [script, endpoint, stage.queueUrl], {
    env: stage.environment,
    stdio: 'ignore',
  });
}
