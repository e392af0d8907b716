import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createNotify } from '../../../agent/supervision/notify.ts';
import { type NotifySocket, openNotifySocket } from '../../support/notify-socket.ts';

const log = pino({ level: 'silent' });
const hasSystemd = spawnSync('systemd-notify', ['--version']).status === 0;

let directory: string;
let socket: NotifySocket;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-notify-'));
  socket = await openNotifySocket(join(directory, 'notify'));
});
afterEach(async () => {
  await socket.close();
  await rm(directory, { recursive: true });
});

test('without a socket nobody is notified', () => {
  expect(createNotify({ WATCHDOG_USEC: '1000000' }, log)).toBeUndefined();
});

test('notifications arrive complete and in order, and have been read', async ({ skip }) => {
  if (!hasSystemd) skip('needs systemd-notify (Debian: the package systemd)');
  const notify = createNotify({ PATH: process.env['PATH'], NOTIFY_SOCKET: socket.path }, log);
  void notify?.('READY=1', 'STATUS=working: 3 running, 41 done');
  void notify?.('WATCHDOG=1');
  await notify?.('STOPPING=1');
  await expect
    .poll(() => socket.messages)
    .toEqual([['READY=1', 'STATUS=working: 3 running, 41 done'], ['WATCHDOG=1'], ['STOPPING=1']]);
});

test('without systemd-notify the agent goes on', async () => {
  const notify = createNotify({ PATH: directory, NOTIFY_SOCKET: socket.path }, log);
  await notify?.('READY=1');
  expect(socket.messages).toEqual([]);
});
