import type { JobRecord } from '../../jobs/record.ts';
import type { CheckInput } from './check-input.ts';
import { bad, checkRead, type Finding, ok, warn } from './finding.ts';

/** A job is claimed shortly before its worker starts, and its end is recorded shortly after the worker's. */
const MARGIN_MS = 2 * 60_000;
/** Leases last a minute by default. The keeper settles the jobs of an instance that is gone. */
const UNRENEWED_MS = 10 * 60_000;

export function checkJobs(facts: CheckInput): Finding[] {
  if (!facts.fleet.trackJobs) return [ok('jobs', 'the fleet keeps no records of jobs')];
  const findings = [
    ...checkRead('jobs', facts.instances, (instances) =>
      instances.flatMap(({ instance, jobs }) => jobs.flatMap((job) => running(job, instance, facts))),
    ),
    ...orphanedJobs(facts),
  ];
  return findings.length > 0
    ? findings
    : [ok('jobs', 'none exceeds its limit, none waits for a message that does not exist')];
}

function running(job: JobRecord, instance: string, { fleet, nowMs }: CheckInput): Finding[] {
  const { id, startedAt, leaseUntilMs = nowMs } = job;
  const limitSeconds = job.limitSeconds ?? fleet.limitSeconds;
  const ranMs = startedAt === undefined ? 0 : nowMs - Date.parse(startedAt);
  if (nowMs - leaseUntilMs > UNRENEWED_MS) {
    return [
      bad(
        'jobs',
        `${id} is in the state running on ${instance}, but its lease expired ${minutes(nowMs - leaseUntilMs)} ago.`,
        'The keeper settles it when the instance is gone. See the findings on the keeper and on the instance.',
      ),
    ];
  }
  if (ranMs <= (limitSeconds + fleet.graceSeconds) * 1000 + MARGIN_MS) return [];
  return [
    bad(
      'jobs',
      `${id} has been running on ${instance} for ${minutes(ranMs)}: its limit of ${limitSeconds} s has not stopped it.`,
      `mayfly cancel ${id}; then see the instance's log`,
    ),
  ];
}

function orphanedJobs({ orphaned: looked }: CheckInput): Finding[] {
  return checkRead('jobs', looked, ({ jobs, isPartial }) => {
    const [first] = jobs;
    if (first === undefined) return [];
    const among = isPartial ? ' (not all queued jobs were read)' : '';
    return [
      warn(
        'jobs',
        `The queue is empty, but these jobs wait for a message${among}: ${jobs.join(', ')}. The queue may have been purged.`,
        `mayfly cancel ${first}, then mayfly retry ${first}`,
      ),
    ];
  });
}

function minutes(ms: number): string {
  return `${Math.round(ms / 60_000)} minutes`;
}
