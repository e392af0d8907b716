import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { deployedFleets } from '../fleet/deployed.ts';

const open = deployedFleets();

test('fleet, fleet pause, fleet resume and doctor, as a user calls them', async () => {
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
  expect(shown.stdout).toMatch(/^launches +paused since \d\d:\d\d:\d\dZ/m);
  expect(shown.stdout).toMatch(new RegExp(`^i-\\w+ +working .*${job} for .*`, 'm'));
  const warned = await mayfly('doctor', '--json');
  expect(warned.exitCode).toBe(0);
  expect(JSON.parse(warned.stdout)).toMatchObject({ mark: 'warn' });
  expect((await mayfly('fleet', 'resume')).stdout).toMatch(
    /^Resumed: it was paused since \d\d:\d\d:\d\dZ\.$/,
  );
  expect((await mayfly('fleet', 'resume')).stdout).toBe('Nothing was paused.');
  expect(JSON.parse((await mayfly('fleet', 'resume', '--json')).stdout)).toEqual({ suspended: false });
  expect(await mayfly('fleet', 'stop')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('Allowed choices are pause, resume'),
  });
}, 180_000);
