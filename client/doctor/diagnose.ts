import type { FleetContext } from '../context.ts';
import { checkAlarms } from './alarms.ts';
import type { CheckInput } from './check-input.ts';
import { type Finding, ok } from './finding.ts';
import { checkGroup } from './group.ts';
import { checkHooks } from './hooks.ts';
import { checkInstances } from './instances.ts';
import { checkJobGroups } from './job-groups.ts';
import { checkJobs } from './jobs.ts';
import { checkKeeper } from './keeper.ts';
import { checkLaunches } from './launches.ts';
import { checkNetwork } from './network.ts';
import { checkDeadLetters, checkLogBucket, checkQueue, checkTable, hasKnownSettings } from './queues.ts';
import { readCheckInput } from './read-fleet.ts';
import { checkPolicy } from './scaling.ts';
import { checkSetup } from './setup.ts';

/** Result of `diagnose`, as `mayfly doctor --json` prints it. */
export interface Diagnosis {
  fleet: string;
  region: string;
  /** When the fleet was checked, ISO 8601. */
  at: string;
  /** The worst of all findings. */
  status: Finding['status'];
  /** One or more for each check. */
  findings: Finding[];
}

/** Reads the state of a deployed fleet and checks it. */
export async function diagnoseFleet(context: FleetContext): Promise<Diagnosis> {
  return runChecks(await readCheckInput(context));
}

/** Runs all checks on what was read. */
export function runChecks(facts: CheckInput): Diagnosis {
  const findings = [
    judgeDiscovery,
    checkQueue,
    checkDeadLetters,
    checkTable,
    checkLogBucket,
    checkGroup,
    checkNetwork,
    checkPolicy,
    checkHooks,
    checkLaunches,
    checkAlarms,
    checkKeeper,
    checkInstances,
    checkSetup,
    checkJobs,
    checkJobGroups,
  ].flatMap((rule) => rule(facts));
  const has = (status: Finding['status']) => findings.some((finding) => finding.status === status);
  const status = has('bad') ? 'bad' : has('warn') ? 'warn' : 'ok';
  const { fleet, region } = facts.fleet;
  return { fleet, region, at: new Date(facts.nowMs).toISOString(), status, findings };
}

function judgeDiscovery({ fleet }: CheckInput): Finding[] {
  if (hasKnownSettings(fleet)) return [ok('found', 'by its parameter, which names all of its resources')];
  return [ok('found', 'by the names of its resources: its alarms and its settings are not known')];
}
