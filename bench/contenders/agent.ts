import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfigInput } from '../../agent/config/agent-config.ts';
import { bundle } from '../../infra/bundle/bundle.ts';
import { NODE_OPTIONS } from '../../local/instances/process-launcher.ts';
import { type BenchSetup, REGION } from '../setup/setup.ts';

export interface AgentOptions {
  slots: number;
  command: string[];
  /** Job table and log bucket. */
  trackJobs: boolean;
  /** Directory of the slots' sockets. Without it, workers are child processes of the agent. */
  sockets?: string;
}

/** Starts the agent from its bundle, as an instance does. */
export async function startAgent(stage: BenchSetup, options: AgentOptions): Promise<ChildProcess> {
  const tree = join(stage.directory, 'tree');
  const bundleFile = join(tree, 'agent', 'agent.mjs');
  const configFile = join(stage.directory, 'agent.json');
  await mkdir(join(tree, 'agent'), { recursive: true });
  await mkdir(join(tree, 'worker'), { recursive: true });
  await writeFile(bundleFile, bundle('agent'));
  await writeFile(configFile, JSON.stringify(configFor(stage, options)));
  const log = openSync(join(stage.directory, 'agent.log'), 'a');
  const slots = options.sockets === undefined ? [] : ['--slots', options.sockets];
  const args = [...NODE_OPTIONS, bundleFile, '--config', configFile, ...slots];
  return spawn(process.execPath, args, {
    env: { ...stage.environment, STATE_DIRECTORY: stage.directory },
    stdio: ['ignore', log, log],
  });
}

function configFor(stage: BenchSetup, { slots, command, trackJobs }: AgentOptions): AgentConfigInput {
  return {
    version: 1,
    fleet: 'bench',
    region: REGION,
    queueUrl: stage.queueUrl,
    command,
    concurrency: slots,
    trackJobs,
    ...(trackJobs ? { table: stage.table, logBucket: stage.bucket } : {}),
    // It is stopped after the measurement, and must not retire before.
    retirement: { idleSeconds: 3600 },
  };
}
