import { formatTime } from '../format-time.ts';
import { createInstanceView, type InstanceView } from '../instances/instance-view.ts';
import { adviseOnRefusal, CANNOT, COULD_NOT } from '../instances/refusal-text.ts';
import { type Boot, type CheckInput, hasStartedJob } from './check-input.ts';
import { bad, type Finding, readValue } from './finding.ts';
import { describeSavedLog } from './saved-log.ts';

export interface LastRefusedInstance {
  boot: Boot;
  /** `could not receive jobs`. */
  could: string;
  problem: string;
  advice: string;
}

/**
 * The last instance that terminated, if it did because AWS denied it a call that it needs. Undefined as well if an
 * instance that was launched later has started a job.
 *
 * @param boots newest first
 */
export function findLastRefused(boots: readonly Boot[]): LastRefusedInstance | undefined {
  const latest = boots.find((boot) => boot.record?.retirement ?? boot.savedLog ?? hasStartedJob(boot));
  const retirement = latest?.record?.retirement;
  const could = COULD_NOT[retirement?.reason ?? latest?.savedLog?.reason ?? ''];
  if (!latest || could === undefined) return undefined;
  const known = { boot: latest, could };
  if (!retirement) {
    return { ...known, problem: 'the error is in the saved log', advice: 'Repair what the log reports.' };
  }
  const { problem = '' } = retirement;
  return { ...known, problem, advice: adviseOnRefusal(retirement.reason, problem) };
}

/** Checks what AWS denies instances now, or has denied the last one that terminated. */
export function checkRefusedInstances(facts: CheckInput): Finding[] {
  const { nowMs, fleet, boots, state } = facts;
  const views = (readValue(facts.instances) ?? []).map((one) =>
    createInstanceView(one, nowMs, fleet.silentSeconds * 1000),
  );
  const refused = views.flatMap(refusedFinding);
  if (refused.length > 0) return refused;
  const last = findLastRefused(readValue(boots) ?? []);
  // The finding on an open breaker says it.
  if (!last || readValue(state)?.trippedAtMs !== undefined) return [];
  const text = `${last.boot.instance}, the last one that terminated, ${last.could}: ${last.problem}`;
  return [bad('instances', text, last.advice, [describeSavedLog(last.boot, facts)])];
}

function refusedFinding({ instance, refused }: InstanceView): Finding[] {
  if (!refused) return [];
  const { what, error, since } = refused;
  const text = `${instance} has not been able to ${CANNOT[what]} since ${formatTime(since)}: ${error}`;
  return [bad('instances', text, adviseOnRefusal(what, error))];
}
