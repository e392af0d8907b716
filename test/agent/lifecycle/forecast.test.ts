import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Forecast } from '../../../jobs/record.ts';
import { callsOf, type Fleet, LONG_RETIREMENT, openFleet, startAgent } from '../../support/agent-fleet.ts';
import { eventually } from '../../support/eventually.ts';

const open = openFleet();

/** The first forecast in the table that meets the condition. */
function waitForForecast(
  fleet: Fleet,
  instance: string,
  is: (forecast: Forecast) => boolean,
): Promise<Forecast> {
  return eventually('a forecast', async () => {
    const { forecast } = await fleet.instanceRecord(instance);
    return forecast && is(forecast) && forecast;
  });
}

test('an agent forecasts when it will end, and ends then', async () => {
  const fleet = await open();
  await fleet.send('until [ -e go ]; do sleep 0.05; done; sleep 0.5');
  const retirement = { ...LONG_RETIREMENT, idleSeconds: 5 };
  const agent = await startAgent(fleet, { config: { concurrency: 3, leaseSeconds: 15, retirement } });
  const busy = await waitForForecast(fleet, agent.instance, ({ running }) => running === 1);
  expect(busy).toMatchObject({ running: 1, slots: 3, jobsDone: 0, next: 'work' });
  await writeFile(join(fleet.directory, 'go'), '');
  const idle = await waitForForecast(
    fleet,
    agent.instance,
    ({ next, jobsDone }) => next === 'retire' && jobsDone === 1,
  );
  const { idleSince = '', at = '', lastStartMs = 0 } = idle;
  expect(Date.parse(idleSince) - lastStartMs).toBeGreaterThanOrEqual(500);
  expect(Date.parse(idleSince) - lastStartMs).toBeLessThan(60_000);
  expect(idle).toMatchObject({ running: 0, slots: 3, reason: 'idle' });
  expect(Date.parse(at) - Date.parse(idleSince)).toBe(5000);
  const { idleSeconds } = await agent.lifecycle.ended;
  const wentAtMs = Date.parse(idleSince) + idleSeconds * 1000;
  expect(wentAtMs).toBeGreaterThanOrEqual(Date.parse(at) - 1);
  expect(wentAtMs).toBeLessThan(Date.parse(at) + 5000);
});

test('a change is reported before the next report is due', async () => {
  const fleet = await open({ minSize: 1 });
  const agent = await startAgent(fleet, { config: { leaseSeconds: 15, reportSeconds: 60 } });
  await waitForForecast(fleet, agent.instance, ({ next }) => next === 'stay');
  const startedMs = Date.now();
  await fleet.send('sleep 30');
  await waitForForecast(fleet, agent.instance, ({ next }) => next === 'work');
  expect(Date.now() - startedMs).toBeLessThan(50_000);
  await agent.lifecycle.stop();
  await agent.work.drain(0);
});

test('a table that failed gets the report when it works again', async () => {
  const fleet = await open({ minSize: 1 });
  const fault = fleet.faults.add({
    action: 'UpdateItem',
    effect: { kind: 'error', code: 'AccessDeniedException', status: 400 },
  });
  const agent = await startAgent(fleet);
  await eventually('reports that failed', () => callsOf(fleet, 'UpdateItem').length > 3);
  fault.remove();
  expect(await waitForForecast(fleet, agent.instance, ({ next }) => next === 'stay')).toMatchObject({
    running: 0,
  });
  await agent.lifecycle.stop();
  await agent.work.drain(0);
});
