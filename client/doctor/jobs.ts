import type { JobRecord } from '../../jobs/record.ts';
import type { Facts } from './facts.ts';
import { bad, type Finding, judged, ok, warn } from './finding.ts';

/** A job is claimed a moment before its worker starts, and its end is recorded a moment after. */
const MARGIN_MS = 2 * 60_000;
/** Leases are a minute by default; the keeper settles those of an instance that is gone. */
const UNRENEWED_MS = 10 * 60_000;

export function judgeJobs(facts: Facts): Finding[] {
  if (!facts.fleet.trackJobs) return [ok('jobs', 'the fleet keeps no records of jobs')];
  const findings = [
    ...judged('jobs', facts.instances, (instances) =>
      instances.flatMap(({ instance, jobs }) => jobs.flatMap((job) => running(job, instance, facts))),
    ),
    ...stranded(facts),
  ];
  return findings.length > 0
    ? findings
    : [ok('jobs', 'none is over its limit, none waits for a message that is gone')];
}

function running(job: JobRecord, instance: string, { fleet, nowMs }: Facts): Finding[] {
  const { id, startedAt, leaseUntilMs = nowMs } = job;
  const limitSeconds = job.limitSeconds ?? fleet.limitSeconds;
  const ranMs = startedAt === undefined ? 0 : nowMs - Date.parse(startedAt);
  if (nowMs - leaseUntilMs > UNRENEWED_MS) {
    return [
      bad(
        'jobs',
        `${id} counts as running on ${instance}, but its lease has ended ${minutes(nowMs - leaseUntilMs)} ago.`,
        'The keeper settles it once it knows that the instance is gone: see what is said of both here.',
      ),
    ];
  }
  if (ranMs <= (limitSeconds + fleet.graceSeconds) * 1000 + MARGIN_MS) return [];
  return [
    bad(
      'jobs',
      `${id} runs on ${instance} for ${minutes(ranMs)}: its limit of ${limitSeconds} s has not stopped it.`,
      `mayfly cancel ${id}; then look at the instance's log`,
    ),
  ];
}

function stranded({ stranded: looked }: Facts): Finding[] {
  return judged('jobs', looked, ({ jobs, partly }) => {
    const [first] = jobs;
    if (first === undefined) return [];
    const among = partly ? ', among those that were looked at' : '';
    return [
      warn(
        'jobs',
        `The queue is empty, but these jobs wait for a message${among}: ${jobs.join(', ')}. Was the queue purged?`,
        `mayfly cancel ${first}, then mayfly retry ${first}`,
      ),
    ];
  });
}

function minutes(ms: number): string {
  return `${Math.round(ms / 60_000)} minutes`;
}
