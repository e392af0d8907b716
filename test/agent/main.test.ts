import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { missingForSlots, openSlotSockets } from '../../bench/setup/slot-sockets.ts';
import { bundle } from '../../infra/bundle/bundle.ts';
import { eventually } from '../support/eventually.ts';
import { type TestQueue, testQueues } from '../support/test-queue.ts';

const open = testQueues();

/** The agent as on an instance: its bundle in a tree, beside a worker folder. */
async function install(bench: TestQueue, config: object | string, more: Record<string, string> = {}) {
  const tree = join(bench.directory, 'tree');
  await mkdir(join(tree, 'agent'), { recursive: true });
  await mkdir(join(tree, 'worker'), { recursive: true });
  const file = join(tree, 'agent', 'agent.mjs');
  const configFile = join(bench.directory, 'agent.json');
  await writeFile(file, bundle('agent'));
  await writeFile(configFile, typeof config === 'string' ? config : JSON.stringify(config));
  const env = { AWS_EC2_METADATA_DISABLED: 'true', STATE_DIRECTORY: bench.directory, ...more };
  // Without it execa kills the process five seconds after SIGTERM, which a busy machine may need.
  const settings = { reject: false, env, forceKillAfterDelay: false } as const;
  return (...args: string[]) => execa(process.execPath, [file, '--config', configFile, ...args], settings);
}

const lastWords = (bench: TestQueue) =>
  readFile(join(bench.directory, 'last-words'), 'utf8').catch(() => undefined);

/** Loaded into an agent before its code. Throws an unexpected error once the file `crash` exists. */
const CRASHES = `import { existsSync } from 'node:fs';
const look = setInterval(() => {
  if (!existsSync(new URL('crash', import.meta.url))) return;
  clearInterval(look);
  throw new TypeError('no such thing:\\n slot 3');
}, 50);
`;

async function installCrashing(bench: TestQueue, config: object, more: Record<string, string> = {}) {
  const crashes = join(bench.directory, 'crashes.mjs');
  await writeFile(crashes, CRASHES);
  return install(bench, config, { NODE_OPTIONS: `--import ${crashes}`, ...more });
}

const askedForPowerOff = (bench: TestQueue) =>
  readFile(join(bench.directory, 'retirement.json'), 'utf8').catch(() => undefined);

const configOf = (bench: TestQueue, fields: object) => ({
  version: 1,
  fleet: 'test',
  region: bench.cloud.region,
  queueUrl: bench.queueUrl,
  leaseSeconds: 15,
  environment: { JOURNAL: join(bench.directory, 'journal'), DIRECTORY: bench.directory },
  retirement: { idleSeconds: 600 },
  ...fields,
});

test('after SIGTERM the running job ends, no other is taken, and the agent ends with status 0', async () => {
  const bench = await open();
  const script =
    'echo start >> $JOURNAL; until [ -e $DIRECTORY/go ]; do sleep 0.05; done; echo end >> $JOURNAL';
  const run = await install(bench, configOf(bench, { command: ['sh', '-c', script] }));
  await bench.send('x');
  const agent = run();
  await eventually('the worker', async () => (await bench.journal()).length === 1);
  agent.kill('SIGTERM');
  await bench.send('y');
  await bench.touch('go');
  const { exitCode, stderr } = await agent;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await askedForPowerOff(bench)).toBeUndefined();
  expect(await bench.journal()).toEqual(['start', 'end']);
  expect(await bench.depth()).toEqual({ visible: 1, held: 0 });
});

test('a second signal requeues the running job at once', async () => {
  const bench = await open();
  const script = 'echo start >> $JOURNAL; exec sleep 600';
  const run = await install(bench, configOf(bench, { command: ['sh', '-c', script], graceSeconds: 1 }));
  await bench.send('x');
  const agent = run();
  await eventually('the worker', async () => (await bench.journal()).length === 1);
  agent.kill('SIGTERM');
  agent.kill('SIGINT');
  expect((await agent).exitCode).toBe(0);
  expect(await bench.depth()).toEqual({ visible: 1, held: 0 });
});

test('a slot that its worker ends costs the job no attempt, and the agent goes on', async ({ skip }) => {
  skip(missingForSlots() !== undefined, missingForSlots());
  const bench = await open();
  const sockets = await openSlotSockets({ cgroups: 'none' });
  try {
    const script =
      '[ -e $DIRECTORY/once ] || { touch $DIRECTORY/once; kill -9 $PPID; sleep 600; }; echo $MAYFLY_ATTEMPT >> $JOURNAL';
    const fields = {
      command: ['sh', '-c', script],
      table: 'jobs',
      retryBackoff: { firstSeconds: 0, longestSeconds: 0 },
    };
    const run = await install(bench, configOf(bench, fields));
    await bench.send('x');
    const agent = run('--slots', sockets.path);
    await eventually('the second try', async () => (await bench.journal()).length === 1);
    await bench.empty();
    agent.kill('SIGTERM');
    const { exitCode, stdout } = await agent;
    expect(exitCode).toBe(0);
    expect(await bench.journal()).toEqual(['1']);
    expect(stdout).toMatch(/"reason":"the worker's slot was lost: the slot has ended"/);
    expect(sockets.started()).toBe(2);
  } finally {
    await sockets.close();
  }
});

test('without its worker the instance retires, and no job is touched', async () => {
  const bench = await open();
  const run = await install(bench, configOf(bench, { command: ['./render'] }));
  await bench.send('x');
  const { exitCode, stdout } = await run();
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/worker-missing/);
  expect(stdout).toMatch(/there is no file .*tree\/worker\/render/);
  expect(await askedForPowerOff(bench)).toMatch(/"reason":"worker-missing"/);
  const { Messages } = await bench.clients.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: bench.queueUrl,
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
    }),
  );
  expect(Messages?.[0]?.Attributes?.ApproximateReceiveCount).toBe('1');
});

test('after a power loss during a job the instance works again: the job comes back when its lease ends', async () => {
  const bench = await open();
  const script = 'echo $MAYFLY_ATTEMPT $$ >> $JOURNAL; until [ -e $DIRECTORY/go ]; do sleep 0.05; done';
  const fields = { command: ['sh', '-c', script], table: 'jobs', graceSeconds: 0.2 };
  const run = await install(bench, configOf(bench, { ...fields, leaseSeconds: 6 }));
  const runs = async () => (await bench.journal()).map((line) => line.split(' ').map(Number));
  await bench.send('x');
  const before = run();
  const [, worker = 0] = await eventually('the worker', async () => (await runs())[0]);
  before.kill('SIGKILL');
  process.kill(worker, 'SIGKILL');
  await before;
  // The retirement had just begun, and AWS had accepted it.
  await writeFile(join(bench.directory, 'retirement.json'), '{"reason": "idle"}');
  // The lease of the second agent is long: it must not end while the machine is slow.
  const again = (await install(bench, configOf(bench, { ...fields, leaseSeconds: 60 })))();
  const [attempt] = await eventually('the job again', async () => (await runs())[1]);
  expect(attempt).toBe(2);
  expect(await askedForPowerOff(bench)).toBeUndefined();
  await bench.touch('go');
  again.kill('SIGTERM');
  expect((await again).exitCode).toBe(0);
  expect(await bench.depth()).toEqual({ visible: 0, held: 0 });
});

test('after an unexpected error an agent leaves the error on disk and in its record', async () => {
  const bench = await open();
  const config = configOf(bench, { command: ['cat'], table: 'jobs' });
  const run = await installCrashing(bench, config);
  const records = async () => {
    const scan = new ScanCommand({
      TableName: 'jobs',
      FilterExpression: 'begins_with(pk, :instance)',
      ExpressionAttributeValues: { ':instance': { S: 'instance#' } },
    });
    const { Items = [] } = await bench.clients.dynamodb.send(scan);
    return Items;
  };
  const earlier = (await records()).length;
  const agent = run();
  await eventually('a ready instance', async () => {
    const all = await records();
    return all.length > earlier && all.every(({ readyAt }) => readyAt);
  });
  await bench.touch('crash');
  expect((await agent).exitCode).toBe(1);
  const words = 'TypeError: no such thing: slot 3';
  expect(await lastWords(bench)).toBe(`${words}\n`);
  expect((await records()).map(({ fatalError }) => fatalError?.S)).toContain(words);
});

test('under systemd, where the file is read, it ends without a call to the table', async () => {
  const bench = await open();
  const config = configOf(bench, { command: ['cat'], table: 'jobs' });
  const run = await installCrashing(bench, config, {
    NOTIFY_SOCKET: join(bench.directory, 'nobody-listens'),
  });
  const writes: string[] = [];
  const stop = bench.cloud.onCall(({ action, input }) => {
    if (action === 'UpdateItem') writes.push(JSON.stringify(input));
  });
  const agent = run();
  await eventually('an instance that has started', () =>
    writes.some((write) => write.includes('reportedAtMs')),
  );
  await bench.touch('crash');
  expect((await agent).exitCode).toBe(1);
  stop();
  expect(await lastWords(bench)).toBe('TypeError: no such thing: slot 3\n');
  expect(writes.filter((write) => write.includes('fatalError') && write.includes('no such thing'))).toEqual(
    [],
  );
});

test('a usage error is printed in a sentence, which is also the recorded error, with its own exit status', async () => {
  const bench = await open();
  const run = await install(bench, '{"version": 1}');
  const config = await run();
  expect(config.exitCode).toBe(78);
  expect(config.stderr).toMatch(/agent\.json is not a configuration.*\n {2}fleet is missing\n/s);
  expect(await lastWords(bench)).toMatch(
    /^\S+agent\.json is not .*: fleet is missing region is missing .*\n$/,
  );
  expect(await askedForPowerOff(bench)).toBeUndefined();
  const level = await run('--log-level', 'loud');
  expect(level.exitCode).toBe(64);
  expect(level.stderr).toMatch(/^mayfly-agent: --log-level is "loud"; allowed is one of debug, info/);
  expect(await lastWords(bench)).toMatch(/^--log-level is "loud"; allowed is one of [^\n]+\n$/);
  const unknown = await run('--frobnicate');
  expect(unknown.exitCode).toBe(64);
  expect(unknown.stderr).toMatch(/^mayfly-agent: Unknown option '--frobnicate'/);
  const help = await run('--help');
  expect(help).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('--config FILE') });
  // An agent that starts again has not failed yet.
  expect(await lastWords(bench)).toBeUndefined();
});
