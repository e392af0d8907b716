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
 * Of the launches, the newest first, the last that has ended, if AWS had refused it what it needs; undefined too once one
 * that was launched later has started a job.
 */
export function lastRefused(boots: readonly Boot[]): LastRefused | undefined {
  const telling = boots.find((boot) => boot.record?.retirement ?? boot.savedLog ?? hasStartedAJob(boot));
  const retirement = telling?.record?.retirement;
  const could = COULD_NOT[retirement?.reason ?? telling?.savedLog?.reason ?? ''];
  if (!telling || could === undefined) return undefined;
  const said = { boot: telling, could };
  if (!retirement) {
    return { ...said, problem: 'the error is in the saved log', advice: 'Mend what the log says.' };
  }
  const { problem = '' } = retirement;
  return { ...said, problem, advice: adviceOn(problem) };
}

/** What AWS refuses instances now, or has refused the last one that went. */
export function judgeRefused(facts: Facts): Finding[] {
  const { nowMs, fleet, boots, state } = facts;
  const views = (seenOf(facts.instances) ?? []).map((one) =>
    instanceView(one, nowMs, fleet.silentSeconds * 1000),
  );
  const refused = views.flatMap(refusedFinding);
  if (refused.length > 0) return refused;
  const last = lastRefused(seenOf(boots) ?? []);
  // An open breaker says it itself.
  if (!last || seenOf(state)?.trippedAtMs !== undefined) return [];
  const text = `${last.boot.instance}, the last one that went, ${last.could}: ${last.problem}`;
  return [bad('instances', text, last.advice, [logText(last.boot, facts)])];
}

function refusedFinding({ instance, refused }: InstanceView): Finding[] {
  if (!refused) return [];
  const { what, error, since } = refused;
  const text = `${instance} cannot ${CANNOT[what]} since ${moment(since)}: ${error}`;
  return [bad('instances', text, adviceOn(error))];
}
