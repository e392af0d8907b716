import { afterEach, expect } from 'vitest';
import type { Verdict } from '../../checker/facts.ts';
import { report } from '../../checker/report.ts';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { startFleet, type TestFleet } from './fleet.ts';

/** Fleets for the tests of a file: each test has its own, which is gone when the test is over, however it ends. */
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

/** The end of every test here: the checker agrees, and the counts are these. */
export async function expectSound(fleet: TestFleet, counts: Partial<Verdict['counts']>): Promise<Verdict> {
  const verdict = await fleet.judge();
  if (!verdict.ok) throw new Error(`${report(verdict)}\n${await fleet.lastWords()}`);
  expect(verdict.counts).toMatchObject(counts);
  return verdict;
}
