import { formatTime } from '../format-time.ts';
import { describeProblem } from '../instance-problem.ts';
import { createInstanceView } from '../instances/instance-view.ts';
import { type Boot, type CheckInput, hasStartedJob } from './check-input.ts';
import { bad, type Finding, readValue, warn } from './finding.ts';
import { describeSavedLog } from './saved-log.ts';

/**
 * By the reason of a retirement: what was wrong, and what to do. `COULD_NOT` has those of instances that AWS denied a
 * call.
 */
const GAVE_UP: Readonly<Record<string, { what: string; advice: string }>> = {
  'disk-full': {
    what: 'had no free disk space',
    advice: 'Set a larger rootVolume, or let the workers store less, and deploy.',
  },
  unhealthy: {
    what: 'was unhealthy',
    advice: 'Repair its image or its set-up, and deploy.',
  },
  'worker-missing': {
    what: 'could not start the program of its workers',
    advice: 'Put the program into workerDirectory, or let the set-up install it, and deploy.',
  },
  'boot-failed': {
    what: 'did not boot',
    advice: 'Repair its image, its set-up or its network, and deploy.',
  },
  'agent-crashed': { what: 'lost its agent', advice: 'See the end of its log.' },
};

/** Checks instances on which jobs fail, and the last ones that terminated because of a problem. */
export function checkFailedInstances(facts: CheckInput): Finding[] {
  const slowed = (readValue(facts.instances) ?? []).flatMap((one) => {
    const { slowed: since } = createInstanceView(one, facts.nowMs, facts.fleet.silentSeconds * 1000);
    if (!since) return [];
    const text = `${one.instance} has run one job at a time since ${formatTime(Date.parse(since.since))}: ${since.failures} tries in a row failed on it, the last one with "${since.reason}".`;
    return [
      bad(
        'instances',
        text,
        'See the logs of its jobs. If they succeed on other instances, terminate this one.',
      ),
    ];
  });
  // The finding on an open breaker names them.
  if (readValue(facts.state)?.trippedAtMs !== undefined) return slowed;
  const boots = readValue(facts.boots) ?? [];
  const went = boots.flatMap((boot, at) => gaveUp(boot, facts, boots.slice(0, at).some(hasStartedJob)));
  return [...slowed, ...went];
}

function gaveUp(boot: Boot, facts: CheckInput, laterOnesWork: boolean): Finding[] {
  const { instance, record, savedLog } = boot;
  const { retirement } = record ?? {};
  const known = GAVE_UP[retirement?.reason ?? savedLog?.reason ?? ''] ?? crashedAgent(boot);
  if (!known) return [];
  const { job, endedAt } = retirement ?? {};
  const after = job === undefined ? '' : ` after the job ${job} had failed`;
  const at = endedAt === undefined ? '' : `, and terminated at ${formatTime(Date.parse(endedAt))}`;
  const why = (record && describeProblem(record)) ?? retirement?.lastError ?? 'the reason is not known';
  const text = `${instance} ${known.what}${after}${at}: ${why}`;
  const details = [describeSavedLog(boot, facts)];
  if (!laterOnesWork) return [bad('instances', sentence(text), known.advice, details)];
  const advice = `Later instances run jobs. If it happens again: ${known.advice}`;
  return [warn('instances', sentence(text), advice, details)];
}

/** A lost instance whose agent wrote its fatal error. */
function crashedAgent({ record }: Boot) {
  const isLost = record?.fatalError !== undefined && (record.retirement?.reason ?? 'lost') === 'lost';
  return isLost ? GAVE_UP['agent-crashed'] : undefined;
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
