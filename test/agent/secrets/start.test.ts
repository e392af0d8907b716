import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { JobIndex } from '../../../store/job-index.ts';
import { eventually } from '../../support/eventually.ts';
import { fleetsWithAgent } from '../../support/fleet-with-agent.ts';
import type { TestQueue } from '../../support/test-queue.ts';
import { allowReading, createWorkerRole, parameterArn, WORKER_ROLE } from '../../support/worker-role.ts';

const open = fleetsWithAgent();

const CONFIG = {
  workerRole: WORKER_ROLE,
  secrets: { TOKEN: { source: 'ssm' as const, id: '/db/token' } },
};

let hasRole = false;
async function openWithSecret() {
  const opened = await open();
  const { cloud } = opened.bench;
  if (!hasRole) {
    await createWorkerRole(cloud);
    await allowReading(cloud, parameterArn('/db/token'));
    await cloud.call('ssm', 'PutParameter', { Name: '/db/token', Type: 'SecureString', Value: 'hunter2' });
  }
  hasRole = true;
  return opened;
}

/** No answer to a call for a secret, as long as the test wants. */
const hang = ({ cloud }: TestQueue) =>
  cloud.faults.add({ action: 'GetParameter', effect: { kind: 'timeout', applied: false } });

test('a health check and a roll-back have the secrets, and the check of the instance does not', async () => {
  const { fleet, startAgent, bench } = await openWithSecret();
  const tell = (who: string, status: number) => [
    'sh',
    '-c',
    `echo "${who} [$TOKEN]" >>$JOURNAL; exit ${status}`,
  ];
  await startAgent('echo "worker [$TOKEN]" >>$JOURNAL; exit 1', {
    ...CONFIG,
    maxAttempts: 1,
    instanceCheck: tell('instance', 0),
    commands: { healthy: tell('check', 0), rollBack: tell('roll-back', 0) },
  });
  const targets = [{ target: 'a', body: 'a', index: 1 }];
  await fleet.request([{ name: 'shop/web', size: 1, targets }], {
    healthy: 'healthy',
    checkSeconds: 60,
    onFailure: 'rollBack',
  });
  await eventually('all of them', async () => (await bench.journal()).length >= 4);
  const lines = await bench.journal();
  expect(new Set(lines)).toEqual(
    new Set(['worker [hunter2]', 'instance []', 'roll-back [hunter2]', 'check [hunter2]']),
  );
});

test('a job that is cancelled while its secrets are read does not start', async () => {
  const { startAgent, bench } = await openWithSecret();
  const fault = hang(bench);
  const agent = await startAgent('echo ran >>$JOURNAL', { ...CONFIG, leaseSeconds: 2 });
  const id = `m-${await bench.send('x')}`;
  await eventually('the reading', () => fault.timesApplied > 0);
  const jobs = new JobIndex(bench.clients.dynamodb, 'jobs');
  await jobs.cancel(id, Date.now(), Math.ceil(Date.now() / 1000) + 1000);
  await eventually('the end', async () => (await bench.table.get(id))?.state === 'cancelled');
  await bench.empty();
  expect(await bench.journal()).toEqual([]);
  expect(agent.work.state().jobsDone).toBe(0);
});

test('a job whose lease is lost while its secrets are read does not start here, and runs once in the end', async () => {
  const { startAgent, bench } = await openWithSecret();
  const fault = hang(bench);
  const lost = bench.cloud.faults.add({
    action: 'ChangeMessageVisibilityBatch',
    effect: { kind: 'error', code: 'InternalError', status: 500 },
  });
  await startAgent('echo "ran $MAYFLY_ATTEMPT" >>$JOURNAL', { ...CONFIG, leaseSeconds: 2 });
  const id = `m-${await bench.send('x')}`;
  await eventually('the reading', () => fault.timesApplied > 0);
  await eventually('the end of the try', async () => (await bench.table.get(id))?.state === 'queued');
  expect(await bench.journal()).toEqual([]);
  fault.remove();
  lost.remove();
  await eventually('the end of the job', async () => (await bench.table.get(id))?.state === 'succeeded');
  expect(await bench.journal()).toEqual(['ran 1']);
});

test('an agent that has to stop does not wait for a secret, and the job costs no attempt', async () => {
  const { startAgent, bench } = await openWithSecret();
  const fault = hang(bench);
  const agent = await startAgent('echo ran >>$JOURNAL', CONFIG);
  const id = `m-${await bench.send('x')}`;
  await eventually('the reading', () => fault.timesApplied > 0);
  await agent.work.drain(0);
  expect(await bench.table.get(id)).toMatchObject({ state: 'queued', attempts: 0 });
  expect(await bench.journal()).toEqual([]);
});

test('a secret as a file is in a file of this job alone, which is gone afterwards', async () => {
  const { startAgent, bench } = await openWithSecret();
  const script =
    'cat "$TOKEN" >$DIRECTORY/got; stat -c %a "$TOKEN" >>$JOURNAL; echo "$TOKEN" >>$JOURNAL; [ "$MAYFLY_ATTEMPT" = 2 ]';
  const agent = await startAgent(script, {
    ...CONFIG,
    secrets: { TOKEN: { ...CONFIG.secrets.TOKEN, file: true } },
  });
  await bench.send('x');
  await agent.done(2);
  expect(await readFile(join(bench.directory, 'got'), 'utf8')).toBe('hunter2');
  const [mode, first = '', , second = ''] = await bench.journal();
  expect(mode).toBe('400');
  expect(second).not.toBe(first);
  for (const path of [first, second]) expect(existsSync(path), path).toBe(false);
});

test('a secret reaches its worker alone: it is in no record, no log and no argument', async () => {
  const { startAgent, bench } = await openWithSecret();
  const agent = await startAgent(
    'printf %s "$TOKEN" >$DIRECTORY/got; tr "\\0" " " </proc/$$/cmdline >$DIRECTORY/arguments',
    CONFIG,
  );
  const id = `m-${await bench.send('x')}`;
  await agent.done(1);
  await bench.empty();
  expect(await readFile(join(bench.directory, 'got'), 'utf8')).toBe('hunter2');
  const texts = [
    JSON.stringify(await bench.table.get(id)),
    JSON.stringify(agent.lines),
    await readFile(join(bench.directory, 'arguments'), 'utf8'),
    await readFile(bench.cloud.logFile, 'utf8'),
  ];
  for (const text of texts) {
    expect(text).not.toBe('');
    expect(text).not.toContain('hunter2');
  }
});
