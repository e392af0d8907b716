import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { bundle } from '../../../infra/bundle/bundle.ts';
import type { FaultEffect } from '../../../local/front-door/faults.ts';
import { NODE_OPTIONS } from '../../../local/instances/process-launcher.ts';
import { eventually } from '../../support/eventually.ts';
import { type LogBench, openLogBench } from '../../support/log-bench.ts';
import { testQueues } from '../../support/test-queue.ts';

const open = testQueues();

const MIB = 2 ** 20;
const OUTPUT_BYTES = 64 * MIB;
/** A bound that holds on a busy machine too: logs take at most 16 MiB. */
const MOST_MIB = 60;

/** Starts the agent in its own process, as on an instance. Returns the process id. */
async function start({ bench, bucket }: LogBench, patienceSeconds: number): Promise<number> {
  const script = `head -c ${OUTPUT_BYTES} /dev/urandom | tee $DIRECTORY/printed; echo done >> $JOURNAL`;
  const config = {
    version: 1,
    fleet: 'test',
    region: bench.cloud.region,
    queueUrl: bench.queueUrl,
    table: 'jobs',
    logBucket: bucket,
    command: ['sh', '-c', script],
    environment: { JOURNAL: join(bench.directory, 'journal'), DIRECTORY: bench.directory },
    log: { patienceSeconds },
    retirement: { idleSeconds: 600 },
  };
  const file = join(bench.directory, 'tree/agent/agent.mjs');
  await mkdir(join(bench.directory, 'tree/agent'), { recursive: true });
  await writeFile(file, bundle('agent'));
  await writeFile(join(bench.directory, 'agent.json'), JSON.stringify(config));
  const env = { AWS_EC2_METADATA_DISABLED: 'true', STATE_DIRECTORY: bench.directory };
  const words = [...NODE_OPTIONS, file, '--config', join(bench.directory, 'agent.json')];
  const logFile = join(bench.directory, 'agent.log');
  const agent = execa(process.execPath, words, { reject: false, env, stdout: { file: logFile } });
  onTestFinished(async () => {
    agent.kill('SIGKILL');
    await agent;
  });
  await eventually('the agent', async () => {
    const log = await readFile(logFile, 'utf8').catch(() => '');
    return log.includes('taking jobs');
  });
  // By then the memory of the start is garbage.
  await delay(1000);
  return agent.pid ?? 0;
}

async function memory(pid: number): Promise<{ nowMiB: number; mostMiB: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { nowMiB: mib('VmRSS'), mostMiB: mib('VmHWM') };
}

test.each<[string, FaultEffect | undefined]>([
  ['a bucket that takes it', undefined],
  ['a bucket that takes nothing', { kind: 'error', code: 'InternalError', status: 500 }],
])('output at full speed to %s does not make the agent larger', { timeout: 300_000 }, async (_, effect) => {
  const bed = await openLogBench(open);
  const { bench, bucket, log, part } = bed;
  if (effect) bench.cloud.faults.add({ service: 's3', input: { Bucket: bucket }, effect });
  const pid = await start(bed, effect ? 1 : 60);
  const idle = await memory(pid);
  const job = `m-${await bench.send('x')}`;
  await eventually(
    'the end of the job',
    async () => (await bench.table.get(job))?.state === 'succeeded',
    180_000,
  );
  const { mostMiB } = await memory(pid);
  expect(mostMiB - idle.nowMiB).toBeLessThan(MOST_MIB);
  const { bytes, lost } = (await log(job))?.stdout ?? {};
  expect(bytes).toBe(OUTPUT_BYTES);
  expect(lost).toBe(effect && OUTPUT_BYTES);
  if (effect) return;
  expect(sha(await part(job, 'stdout'))).toBe(sha(await readFile(join(bench.directory, 'printed'))));
});

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
