import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, expect, test } from 'vitest';
import { bundle } from '../../../infra/bundle/bundle.ts';
import { eventually } from '../../support/eventually.ts';
import { type NotifySocket, openNotifySocket } from '../../support/notify-socket.ts';
import { type TestQueue, testQueues } from '../../support/test-queue.ts';

const open = testQueues();
const hasSystemd = spawnSync('systemd-notify', ['--version']).status === 0;
const NEEDS = 'needs systemd-notify (Debian: the package systemd)';

let socket: NotifySocket | undefined;
afterEach(() => socket?.close());

/** The agent as systemd starts it, and the notifications that systemd gets. */
async function start(bench: TestQueue, command: string[]) {
  const file = join(bench.directory, 'agent', 'agent.mjs');
  await mkdir(join(bench.directory, 'agent'), { recursive: true });
  await writeFile(file, bundle('agent'));
  const configFile = join(bench.directory, 'agent.json');
  const { queueUrl, cloud } = bench;
  const environment = { JOURNAL: join(bench.directory, 'journal'), DIRECTORY: bench.directory };
  const limits = { leaseSeconds: 15, retirement: { idleSeconds: 600 } };
  const fleet = { version: 1, fleet: 'test', region: cloud.region, queueUrl, ...limits };
  await writeFile(configFile, JSON.stringify({ ...fleet, command, environment }));
  socket = await openNotifySocket(join(bench.directory, 'notify'));
  const env = {
    AWS_EC2_METADATA_DISABLED: 'true',
    STATE_DIRECTORY: bench.directory,
    NOTIFY_SOCKET: socket.path,
    WATCHDOG_USEC: '600000',
  };
  // Without it execa kills the process five seconds after SIGTERM, which a busy machine may need.
  const settings = { reject: false, env, forceKillAfterDelay: false } as const;
  const agent = execa(process.execPath, [file, '--config', configFile], settings);
  return { agent, messages: socket.messages };
}

test('ready, watched while a job runs, given more time while it drains, then ended', async ({ skip }) => {
  if (!hasSystemd) skip(NEEDS);
  const bench = await open();
  const script = 'env > $JOURNAL; until [ -e $DIRECTORY/go ]; do sleep 0.05; done';
  const { agent, messages } = await start(bench, ['sh', '-c', script]);
  const heard = (what: string) =>
    eventually(what, () => messages.some((message) => message.join('\n').includes(what)));
  await heard('READY=1\nWATCHDOG_USEC=600000\nSTATUS=working: 0 running, 0 done');
  await bench.send('x');
  await heard('WATCHDOG=1\nSTATUS=working: 1 running, 0 done');
  expect((await bench.journal()).filter((line) => /NOTIFY|WATCHDOG/.test(line))).toEqual([]);
  agent.kill('SIGTERM');
  await heard('STOPPING=1\nEXTEND_TIMEOUT_USEC=');
  await heard('WATCHDOG=1\nSTATUS=draining: 1 running, 0 done\nEXTEND_TIMEOUT_USEC=');
  await bench.touch('go');
  expect((await agent).exitCode).toBe(0);
  expect(messages.at(-1)).toEqual(['STOPPING=1', 'STATUS=draining: 0 running, 1 done']);
});

test('an agent that retires before it took a job reports that it was ready, so that its end is not a failure', async ({
  skip,
}) => {
  if (!hasSystemd) skip(NEEDS);
  const { agent, messages } = await start(await open(), ['./missing']);
  expect((await agent).exitCode).toBe(0);
  const told = messages.flat();
  expect(told.indexOf('READY=1')).toBeGreaterThan(-1);
  expect(told.indexOf('STOPPING=1')).toBeGreaterThan(told.indexOf('READY=1'));
  expect(told).toContain('STATUS=retiring (worker-missing): 0 running, 0 done');
});
