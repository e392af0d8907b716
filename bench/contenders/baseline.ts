import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { BenchSetup } from '../setup/setup.ts';

/** Starts the baseline: sqs-consumer with execa, as its README shows it. */
export function startBaseline(stage: BenchSetup, slots: number, command: readonly string[]): ChildProcess {
  const script = join(import.meta.dirname, 'sqs-consumer-execa.ts');
  return spawn(process.execPath, [script, stage.queueUrl, String(slots), ...command], {
    env: stage.environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
