import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeFrame, FrameReader, PROTOCOL_VERSION } from '../../agent/runner/slot-frames.ts';
import { missingForSlots } from '../../bench/setup/slot-sockets.ts';
import { eventually } from '../support/eventually.ts';
import { openNotifySocket } from '../support/notify-socket.ts';
import { isRunning } from '../support/test-queue.ts';

const PROGRAM = join(import.meta.dirname, '../../systemd/mayfly-slot');
const FLAGS = ['--any-cgroup', '--any-network'];

/** What a slot is started with, and the agent's end of its connection. */
interface Given {
  agent: Socket;
  slot: ChildProcess;
  frames: [letter: string, ...fields: string[]][];
}

let directory: string;
let server: Server;
let slots: ChildProcess[] = [];

beforeEach(async ({ skip }) => {
  skip(missingForSlots() !== undefined, missingForSlots());
  directory = await mkdtemp(join(tmpdir(), 'mayfly-slot-'));
  server = createServer();
  server.listen(join(directory, 'socket'));
  await once(server, 'listening');
});

afterEach(async () => {
  for (const slot of slots) slot.kill('SIGKILL');
  slots = [];
  server.close();
  await rm(directory, { recursive: true });
});

/** Starts it like systemd: with the socket at which a connection waits, and the variables that describe it. */
const LISTEN = `import os, socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])`;

/**
 * @param place what it gets: `socket`, like from systemd, or `connection`, as its standard input
 * @param first what the shell does before it becomes the slot
 */
async function start(
  place: 'socket' | 'connection',
  environment: Record<string, string> = {},
  first = ':',
): Promise<Given> {
  const path = join(directory, 'own');
  const words = ['/usr/bin/python3', '-ISB', PROGRAM, ...FLAGS, '--files', join(directory, 'files')];
  const become = place === 'socket' ? ['/usr/bin/python3', '-c', LISTEN, path, ...words] : words;
  const run = (input: 'ignore' | Socket) => {
    const slot = spawn('sh', ['-c', `${first}; exec "$@"`, 'slot', ...become], {
      env: { PATH: '/usr/bin:/bin', HOME: '/home/of', ...environment },
      stdio: [input, 'ignore', 'inherit'],
    });
    slots.push(slot);
    return slot;
  };
  if (place === 'socket') {
    const slot = run('ignore');
    await eventually('its socket', () => existsSync(path));
    return { slot, ...listenTo(await connected(path)) };
  }
  const agent = connect(join(directory, 'socket'));
  const [connection] = (await once(server, 'connection')) as [Socket];
  const slot = run(connection);
  connection.destroy();
  return { slot, ...listenTo(agent) };
}

/** The socket may exist before anybody listens on it. */
function connected(path: string): Promise<Socket> {
  const look = () =>
    new Promise<Socket | undefined>((resolve) => {
      const socket = connect(path, () => resolve(socket));
      socket.once('error', () => resolve(undefined));
    });
  return eventually('its connection', look);
}

function listenTo(agent: Socket): Pick<Given, 'agent' | 'frames'> {
  const frames: Given['frames'] = [];
  const reader = new FrameReader({
    onOutput: (stream, chunk) => frames.push([stream, String(chunk)]),
    onFrame: (letter, fields) => frames.push([letter, ...fields]),
  });
  agent.on('data', (bytes: Buffer) => reader.write(bytes));
  return { agent, frames };
}

const run = (script: string) =>
  encodeFrame('R', '/', '', ['/bin/sh', '-c', script].join('\0'), 'PATH=/usr/bin:/bin');

test.each(['socket', 'connection'] as const)('it gets a %s, and sends its hello', async (place) => {
  const { agent, slot, frames } = await start(place);
  await eventually('its hello', () => frames.length === 1);
  expect(frames).toEqual([['H', `${PROTOCOL_VERSION}`, '/home/of']]);
  agent.end();
  expect(await once(slot, 'exit')).toEqual([0, null]);
});

test('frames are read byte by byte, or all at once', async () => {
  const { agent, frames } = await start('socket');
  agent.setNoDelay(true);
  for (const byte of run('echo bytes')) {
    agent.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually('the end', () => frames.at(-1)?.[0] === 'E');
  agent.write(Buffer.concat([encodeFrame('C', 'sh', '/', '/bin'), run('sleep 600'), encodeFrame('S', '0')]));
  await eventually('the other end', () => frames.filter(([letter]) => letter === 'E').length === 2);
  expect(frames.slice(1)).toEqual([
    ['stdout', 'bytes\n'],
    ['E', 'exited', '0', '', '', '', '', ''],
    ['C', 'found', '/bin/sh'],
    ['E', 'signalled', '9', 'stopped', '', '', '', ''],
  ]);
});

test('it ends with the agent, also while the agent does not read a worker’s output', async () => {
  const { agent, slot, frames } = await start('socket');
  agent.write(run('echo $$; exec yes'));
  await eventually('its output', () => frames.some(([stream]) => stream === 'stdout'));
  agent.pause();
  const pid = Number(frames.find(([stream]) => stream === 'stdout')?.[1]?.split('\n')[0]);
  await eventually('the worker to wait', async () => {
    return /\) S /.test(await readFile(`/proc/${pid}/stat`, 'utf8'));
  });
  agent.destroy();
  expect(await once(slot, 'exit')).toEqual([0, null]);
  expect(await isRunning(pid)).toBe(false);
});

test('it pings systemd’s watchdog, idle or not, and its worker does not get the variables for it', async () => {
  const notify = await openNotifySocket(join(directory, 'notify'));
  try {
    const { agent, frames } = await start('socket', { NOTIFY_SOCKET: notify.path, WATCHDOG_USEC: '300000' });
    await eventually('two signs of life', () => notify.messages.length >= 2);
    agent.write(run('env; exec sleep 600'));
    await eventually('its output', () => frames.at(-1)?.[0] === 'stdout');
    const before = notify.messages.length;
    await eventually('two more', () => notify.messages.length >= before + 2);
    expect(frames.at(-1)?.[1]).not.toMatch(/NOTIFY|WATCHDOG|LISTEN/);
    expect(new Set(notify.messages.flat())).toEqual(new Set(['WATCHDOG=1']));
  } finally {
    await notify.close();
  }
});

test('the worker’s OOM score is that of any process, even if the slot is protected', async () => {
  const { agent, frames } = await start('socket', {}, 'echo 500 > /proc/self/oom_score_adj');
  agent.write(run('sleep 0.2; cat /proc/self/oom_score_adj; (cat /proc/self/oom_score_adj)'));
  await eventually('the end', () => frames.at(-1)?.[0] === 'E');
  expect(
    frames
      .filter(([stream]) => stream === 'stdout')
      .map(([, text]) => text)
      .join(''),
  ).toBe('0\n0\n');
});

test('it needs little memory, as one runs for each worker', async () => {
  const { slot, frames } = await start('socket');
  await eventually('its hello', () => frames.length === 1);
  const status = await readFile(`/proc/${slot.pid}/status`, 'utf8');
  expect(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1])).toBeLessThan(16 * 1024);
});
