import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { type DeployedFleet, deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';
import { onTerminal } from '../support/pty.ts';

const open = deployedFleets();

/** `--watch` redraws the fleet on a terminal, prints lines of JSON with `--json`, and Ctrl-C ends both. */
async function watched({ directory, env }: DeployedFleet, job: string): Promise<void> {
  const bin = resolve(import.meta.dirname, '../../bin/mayfly.js');
  const command = `${process.execPath} ${bin} fleet --watch 1`;
  const pty = onTerminal(command, { cwd: directory, env, columns: 150 });
  const times = () => {
    const shown = stripVTControlCharacters(pty.screen()).matchAll(/^Test\/test in us-east-1 at (\S+Z)/gm);
    return new Set([...shown].map(([, time]) => time));
  };
  await eventually('three refreshes', () => times().size >= 3, 60_000);
  await pty.shows(new RegExp(`working .*${job} for .* s ago`));
  pty.type('\x03');
  expect(await pty.ended()).toBe(130);
  const watching = execa(process.execPath, [bin, 'fleet', '--watch', '1', '--json'], {
    env,
    extendEnv: false,
    reject: false,
  });
  const ats = new Set<string>();
  for await (const line of watching) {
    const view = JSON.parse(line);
    expect(view.instances).toMatchObject([{ jobs: [{ id: job }], reportAgeSeconds: expect.any(Number) }]);
    ats.add(view.at);
    if (ats.size === 2) watching.kill('SIGINT');
  }
  expect(await watching).toMatchObject({ exitCode: 130 });
  await endsWithItsReader([bin, 'fleet', '--watch', '1', '--json'], env);
}

/** Expects that the command ends when its reader closes the pipe, as with `| head -n 1`. */
async function endsWithItsReader(args: string[], env: Record<string, string>): Promise<void> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.once('data', () => child.stdout.destroy());
  try {
    expect(await once(child, 'exit', { signal: AbortSignal.timeout(30_000) })).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
}

test('fleet, fleet pause, fleet resume and doctor', async () => {
  const fleet = await open();
  const { mayfly } = fleet;
  await eventually('a run of the keeper', async () => (await fleet.library.describe()).keeper.ranAt);
  expect(await mayfly('doctor')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^ok +keeper +ran[\s\S]*All is well\.$/m),
  });
  const [job = ''] = await fleet.send({ untilFile: 'never' });
  await fleet.event('start', job);
  const busy = await mayfly('fleet', '--json');
  expect(JSON.parse(busy.stdout)).toMatchObject({ fleet: 'Test/test', instances: [{ jobs: [{ id: job }] }] });
  const paused = await mayfly('fleet', 'pause');
  expect(paused).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^Paused:.*mayfly fleet resume$/),
  });
  expect((await mayfly('fleet', 'pause')).stdout).toMatch(/^It has been paused since \d\d:\d\d:\d\dZ\.$/);
  const shown = await mayfly('fleet');
  expect(shown.stdout).toMatch(/^Test\/test in us-east-1 at \d\d:\d\d:\d\dZ$/m);
  expect(shown.stdout).toMatch(/^launches +paused since \d\d:\d\d:\d\dZ/m);
  expect(shown.stdout).toMatch(new RegExp(`^i-\\w+ +working .*${job} for .*`, 'm'));
  await watched(fleet, job);
  const warned = await mayfly('doctor', '--json');
  expect(warned.exitCode).toBe(0);
  expect(JSON.parse(warned.stdout)).toMatchObject({ status: 'warn' });
  expect((await mayfly('fleet', 'resume')).stdout).toMatch(
    /^Resumed: it was paused since \d\d:\d\d:\d\dZ\.$/,
  );
  expect((await mayfly('fleet', 'resume')).stdout).toBe('Nothing was paused.');
  expect(JSON.parse((await mayfly('fleet', 'resume', '--json')).stdout)).toEqual({ suspended: false });
  expect(await mayfly('fleet', 'stop')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('Allowed choices are pause, resume, drain'),
  });
}, 180_000);
