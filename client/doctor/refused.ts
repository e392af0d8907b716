import { type InstanceView, instanceView } from '../instances/instances-view.ts';
import { moment } from '../moment.ts';
import { adviceOn, CANNOT, COULD_NOT } from '../instances/refused-words.ts';
import { type Boot, type Facts, hasStartedAJob } from './facts.ts';
import { bad, type Finding, seenOf } from './finding.ts';
import { logText } from './saved-log.ts';

export interface LastRefused {
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
export function lastRefused(boots: readonly Boot[]): LastRefused | undefined {
  const latest = boots.find((boot) => boot.record?.retirement ?? boot.savedLog ?? hasStartedAJob(boot));
  const retirement = latest?.record?.retirement;
  const could = COULD_NOT[retirement?.reason ?? latest?.savedLog?.reason ?? ''];
  if (!latest || could === undefined) return undefined;
  const known = { boot: latest, could };
  if (!retirement) {
    return { ...known, problem: 'the error is in the saved log', advice: 'Repair what the log reports.' };
  }
  const { problem = '' } = retirement;
  return { ...known, problem, advice: adviceOn(problem) };
}

/** Checks what AWS denies instances now, or has denied the last one that terminated. */
export function judgeRefused(facts: Facts): Finding[] {
  const { nowMs, fleet, boots, state } = facts;
  const views = (seenOf(facts.instances) ?? []).map((one) =>
    instanceView(one, nowMs, fleet.silentSeconds * 1000),
  );
  const refused = views.flatMap(refusedFinding);
  if (refused.length > 0) return refused;
  const last = lastRefused(seenOf(boots) ?? []);
  // The finding on an open breaker says it.
  if (!last || seenOf(state)?.trippedAtMs !== undefined) return [];
  const text = `${last.boot.instance}, the last one that terminated, ${last.could}: ${last.problem}`;
  return [bad('instances', text, last.advice, [logText(last.boot, facts)])];
}

function refusedFinding({ instance, refused }: InstanceView): Finding[] {
  if (!refused) return [];
  const { what, error, since } = refused;
  const text = `${instance} has not been able to ${CANNOT[what]} since ${moment(since)}: ${error}`;
  return [bad('instances', text, adviceOn(error))];
}
