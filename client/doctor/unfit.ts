import { instanceView } from '../instances/instances-view.ts';
import { moment } from '../moment.ts';
import { problemOf } from '../why-gone.ts';
import { type Boot, type Facts, hasStartedAJob } from './facts.ts';
import { bad, type Finding, seenOf, warn } from './finding.ts';
import { logText } from './saved-log.ts';

/** Reasons of instances that gave up, but for those that AWS refused something: what they did, and what to do. */
const GAVE_UP: Readonly<Record<string, { what: string; advice: string }>> = {
  'disk-full': {
    what: 'had no room on its disk',
    advice: 'Give it a larger rootVolume, or have its workers leave less, and deploy.',
  },
  unhealthy: {
    what: 'was found to be unhealthy',
    advice: 'Mend what its image or its set-up lacks, and deploy.',
  },
  'worker-missing': {
    what: 'could not start the program of its workers',
    advice: 'Put the program into workerDirectory or have the set-up install it, and deploy.',
  },
  'boot-failed': {
    what: 'did not boot',
    advice: 'Mend what its image, its set-up or its network lacks, and deploy.',
  },
  'agent-crashed': { what: 'lost its agent', advice: 'See the end of its log.' },
};

/** Instances on which jobs fail, and those that gave up. */
export function judgeUnfit(facts: Facts): Finding[] {
  const slowed = (seenOf(facts.instances) ?? []).flatMap((one) => {
    const { slowed: since } = instanceView(one, facts.nowMs, facts.fleet.silentSeconds * 1000);
    if (!since) return [];
    const text = `${one.instance} takes one job at a time since ${moment(Date.parse(since.since))}: ${since.failures} tries in a row failed on it, the last one with "${since.reason}".`;
    return [bad('instances', text, 'See the logs of its jobs. If other instances do them, end this one.')];
  });
  // An open breaker names them itself.
  if (seenOf(facts.state)?.trippedAtMs !== undefined) return slowed;
  const boots = seenOf(facts.boots) ?? [];
  const went = boots.flatMap((boot, at) => gaveUp(boot, facts, boots.slice(0, at).some(hasStartedAJob)));
  return [...slowed, ...went];
}

function gaveUp(boot: Boot, facts: Facts, laterOnesWork: boolean): Finding[] {
  const { instance, record, savedLog } = boot;
  const { retirement } = record ?? {};
  const known = GAVE_UP[retirement?.reason ?? savedLog?.reason ?? ''] ?? ofTheLost(boot);
  if (!known) return [];
  const { job, endedAt } = retirement ?? {};
  const after = job === undefined ? '' : ` after the job ${job} had failed`;
  const at = endedAt === undefined ? '' : `, and went at ${moment(Date.parse(endedAt))}`;
  const why = (record && problemOf(record)) ?? retirement?.lastError ?? 'nobody has said why';
  const text = `${instance} ${known.what}${after}${at}: ${why}`;
  const details = [logText(boot, facts)];
  if (!laterOnesWork) return [bad('instances', sentence(text), known.advice, details)];
  const advice = `Later instances do jobs. If it happens again: ${known.advice}`;
  return [warn('instances', sentence(text), advice, details)];
}

/** One that went without a word to anybody, but for the last words of its agent. */
function ofTheLost({ record }: Boot) {
  const isLost = record?.fatalError !== undefined && (record.retirement?.reason ?? 'lost') === 'lost';
  return isLost ? GAVE_UP['agent-crashed'] : undefined;
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
