import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FleetContext } from '../../../client/context.ts';
import { runChecks } from '../../../client/doctor/diagnose.ts';
import { readLocalInstances } from '../../../client/doctor/read-local.ts';
import { startTestCloud, type TestCloud } from '../../../local/test/support/cloud.ts';
import { fleet, healthy } from '../../support/healthy-facts.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud.close());

const lookedAt = (setup: boolean, endpoint?: string) =>
  readLocalInstances({ facts: { ...fleet, setup } } as FleetContext, endpoint);

test('reads from the embedded cloud alone what its instances are', async () => {
  expect(await lookedAt(true, cloud.endpoint)).toBe('processes');
  expect(await lookedAt(false, cloud.endpoint)).toBeUndefined();
  expect(await lookedAt(true, 'http://127.0.0.1:9')).toBeUndefined();
});

test('warns about a set-up that is not run because instances are processes', async () => {
  const withSetup = { ...healthy, fleet: { ...fleet, setup: true } };
  const { findings, status } = runChecks({ ...withSetup, localInstances: 'processes' });
  expect(status).toBe('warn');
  expect(findings.filter((one) => one.status === 'warn')).toEqual([
    expect.objectContaining({
      check: 'instances',
      text: "The fleet's set-up (prop `setup`) is not run: instances of this cloud are processes, not machines.",
      advice: expect.stringContaining('--instances machines'),
    }),
  ]);
  for (const localInstances of ['machines', undefined] as const) {
    expect(runChecks({ ...withSetup, localInstances }).status).toBe('ok');
  }
  expect(runChecks({ ...healthy, localInstances: 'processes' }).status).toBe('ok');
});
