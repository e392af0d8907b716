import { afterEach, expect } from 'vitest';
import type { Verdict } from '../../checker/facts.ts';
import { formatVerdict } from '../../checker/report.ts';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { startFleet, type TestFleet } from './fleet.ts';

/** Starts a fleet for each test of a file, and closes it after the test. */
export function fleets(): (props?: WorkerFleetProps) => Promise<TestFleet> {
  const open: TestFleet[] = [];
  afterEach(async () => {
    for (const fleet of open.splice(0)) await fleet.close();
  });
  return async (props) => {
    const fleet = await startFleet(props);
    open.push(fleet);
    return fleet;
  };
}

/** Expects that the checker finds no violations, and these counts. */
export async function expectSound(fleet: TestFleet, counts: Partial<Verdict['counts']>): Promise<Verdict> {
  const verdict = await fleet.judge();
  if (!verdict.ok) throw new Error(`${formatVerdict(verdict)}\n${await fleet.failureDetails()}`);
  expect(verdict.counts).toMatchObject(counts);
  return verdict;
}
