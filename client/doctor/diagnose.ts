import type { FleetContext } from '../context.ts';
import { judgeAlarms } from './alarms.ts';
import type { Facts } from './facts.ts';
import { type Finding, ok } from './finding.ts';
import { gather } from './gather.ts';
import { judgeGroup } from './group.ts';
import { judgeHooks } from './hooks.ts';
import { judgeInstances } from './instances.ts';
import { judgeJobs } from './jobs.ts';
import { judgeKeeper } from './keeper.ts';
import { judgeLaunches } from './launches.ts';
import { judgeNetwork } from './network.ts';
import { isTold, judgeDeadLetters, judgeLogBucket, judgeQueue, judgeTable } from './queues.ts';
import { judgePolicy } from './scaling.ts';
import { judgeSetup } from './setup.ts';

/** Result of `diagnose`, as `mayfly doctor --json` prints it. */
export interface Diagnosis {
  fleet: string;
  region: string;
  /** When the fleet was checked, ISO 8601. */
  at: string;
  /** The worst of all findings. */
  mark: Finding['mark'];
  /** One or more for each check. */
  findings: Finding[];
}

/** Reads the state of a deployed fleet and checks it. */
export async function diagnoseFleet(context: FleetContext): Promise<Diagnosis> {
  return diagnosisOf(await gather(context));
}

/** Runs all checks on what was read. */
export function diagnosisOf(facts: Facts): Diagnosis {
  const findings = [
    judgeDiscovery,
    judgeQueue,
    judgeDeadLetters,
    judgeTable,
    judgeLogBucket,
    judgeGroup,
    judgeNetwork,
    judgePolicy,
    judgeHooks,
    judgeLaunches,
    judgeAlarms,
    judgeKeeper,
    judgeInstances,
    judgeSetup,
    judgeJobs,
  ].flatMap((rule) => rule(facts));
  const has = (mark: Finding['mark']) => findings.some((finding) => finding.mark === mark);
  const mark = has('bad') ? 'bad' : has('warn') ? 'warn' : 'ok';
  const { fleet, region } = facts.fleet;
  return { fleet, region, at: new Date(facts.nowMs).toISOString(), mark, findings };
}

function judgeDiscovery({ fleet }: Facts): Finding[] {
  if (isTold(fleet)) return [ok('found', 'by its parameter, which names all of its resources')];
  return [ok('found', 'by the names of its resources: its alarms and its settings are not known')];
}
