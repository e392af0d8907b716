import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const MODULE = new URL('../../instances/kill-on-exit.ts', import.meta.url).href;

/** Stands in for a cloud: starts two instances, each with a daemon in a session of its own, and disarms the second. */
const CLOUD = `
import { spawn } from 'node:child_process';
import { killOnExit } from '${MODULE}';
const pids = process.argv.slice(1).map((directory) => {
  const script = 'setsid sleep 1000 & echo $!; exec sleep 1000';
  const instance = spawn('sh', ['-c', script], { cwd: directory + '/disk', detached: true });
  const disarm = killOnExit(instance.pid, directory);
  return { instance, disarm };
});
pids[1].disarm();
for (const { instance } of pids) {
  instance.stdout.on('data', (daemon) => console.log(instance.pid + ' ' + String(daemon).trim()));
}
`;

let directory: string;
const started: number[] = [];
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'mayfly-kill-')));
});
afterEach(async () => {
  for (const pid of started.splice(0)) spawnSync('kill', ['-KILL', String(pid)]);
  await rm(directory, { recursive: true, force: true });
});

function isRunning(pid: number | undefined): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

test('the instances of a killed cloud are killed, except those that were disarmed', async () => {
  const instances = ['one', 'two'].map((name) => join(directory, name));
  for (const path of instances) await mkdir(join(path, 'disk'), { recursive: true });
  const cloud = spawn(process.execPath, ['--input-type=module', '-e', CLOUD, ...instances]);
  let printed = '';
  cloud.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  await expect.poll(() => printed.trim().split('\n').length).toBe(2);
  const [first, second] = printed
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number))
    .sort(([a = 0], [b = 0]) => a - b);
  started.push(...(first ?? []), ...(second ?? []));
  expect([...(first ?? []), ...(second ?? [])].map(isRunning)).toEqual([true, true, true, true]);
  const ended = once(cloud, 'exit');
  cloud.kill('SIGKILL');
  await ended;
  await expect.poll(() => first?.map(isRunning)).toEqual([false, false]);
  expect(second?.map(isRunning)).toEqual([true, true]);
});
