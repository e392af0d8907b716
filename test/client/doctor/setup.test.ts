import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FleetContext } from '../../../client/context.ts';
import { diagnosisOf } from '../../../client/doctor/diagnose.ts';
import { lookAtLocal } from '../../../client/doctor/gather-local.ts';
import { startTestCloud, type TestCloud } from '../../../local/test/front-door/cloud-fixture.ts';
import { fleet, healthy } from '../../support/healthy-facts.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud.close());

const lookedAt = (setup: boolean, endpoint?: string) =>
  lookAtLocal({ facts: { ...fleet, setup } } as FleetContext, endpoint);

test('reads from the embedded cloud alone what its instances are', async () => {
  expect(await lookedAt(true, cloud.endpoint)).toBe('processes');
  expect(await lookedAt(false, cloud.endpoint)).toBeUndefined();
  expect(await lookedAt(true, 'http://127.0.0.1:9')).toBeUndefined();
});

test('warns about a set-up that is not run because instances are processes', async () => {
  const withSetup = { ...healthy, fleet: { ...fleet, setup: true } };
  const { findings, mark } = diagnosisOf({ ...withSetup, localInstances: 'processes' });
  expect(mark).toBe('warn');
  expect(findings.filter((one) => one.mark === 'warn')).toEqual([
    expect.objectContaining({
      check: 'instances',
      text: "The fleet's set-up (prop `setup`) is not run: instances of this cloud are processes, not machines.",
      advice: expect.stringContaining('--instances machines'),
    }),
  ]);
  for (const localInstances of ['machines', undefined] as const) {
    expect(diagnosisOf({ ...withSetup, localInstances }).mark).toBe('ok');
  }
  expect(diagnosisOf({ ...healthy, localInstances: 'processes' }).mark).toBe('ok');
});
