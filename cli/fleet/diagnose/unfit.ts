import { instanceView } from '../instances-view.ts';
import { moment } from '../moment.ts';
import { type Boot, type Facts, hasStartedAJob } from './facts.ts';
import { bad, type Finding, seenOf, warn } from './finding.ts';

const COULD_NOT: Readonly<Record<string, string>> = {
  'disk-full': 'had no room on its disk',
  unhealthy: 'was found to be unhealthy',
};

/** Instances on which jobs fail, and those that went for a full disk or a failed `instanceCheck`. */
export function judgeUnfit(facts: Facts): Finding[] {
  const slowed = (seenOf(facts.instances) ?? []).flatMap((one) => {
    const { slowed: since } = instanceView(one, facts.nowMs, facts.fleet.silentSeconds * 1000);
    if (!since) return [];
    const text = `${one.instance} takes one job at a time since ${moment(Date.parse(since.since))}: ${since.failures} tries in a row failed on it, the last one with "${since.reason}".`;
    return [bad('instances', text, 'See the logs of its jobs. If other instances do them, end this one.')];
  });
  const boots = seenOf(facts.boots) ?? [];
  const went = boots.flatMap((boot, at) => wentUnfit(boot, facts, boots.slice(0, at).some(hasStartedAJob)));
  return [...slowed, ...went];
}

function wentUnfit({ instance, record }: Boot, { fleet }: Facts, laterOnesWork: boolean): Finding[] {
  const { reason = '', problem = '', endedAt = '', job } = record?.retirement ?? {};
  const could = COULD_NOT[reason];
  if (could === undefined) return [];
  const after = job === undefined ? '' : ` after the job ${job} had failed`;
  const text = `${instance} ${could}${after}, and went at ${moment(Date.parse(endedAt))}: ${problem}.`;
  const log = `Its log, if it could save one: s3://${fleet.logBucket}/instances/${instance}/`;
  if (laterOnesWork) {
    return [
      warn('instances', text, 'Later instances do jobs: mend its image or its set-up if it happens again.', [
        log,
      ]),
    ];
  }
  return [bad('instances', text, 'Mend what its image or its set-up lacks, and deploy.', [log])];
}
