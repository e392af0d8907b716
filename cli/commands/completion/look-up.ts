import { setTimeout as delay } from 'node:timers/promises';
import { SSMClient } from '@aws-sdk/client-ssm';
import { findRegion } from '../../../client/find/find.ts';
import { listFleets } from '../../../client/find/parameters.ts';
import { Fleet } from '../../../client/fleet.ts';
import { type JobState, TERMINAL_STATES } from '../../../jobs/record.ts';
import { toFindOptions } from '../../options/fleet-options.ts';
import { countOf } from '../../terminal/format.ts';
import type { Candidate, LookUpRequest } from './complete.ts';

const MOST_JOBS = 50;
const MOST_REQUESTS = 50;

const LIVE: readonly JobState[] = ['held', 'queued', 'running'];
/** The states of the jobs that a verb can use. Default: all. */
const STATES: Readonly<Record<string, readonly JobState[]>> = {
  cancel: LIVE,
  wait: LIVE,
  retry: [...TERMINAL_STATES],
  cleanup: [...TERMINAL_STATES],
  // By state: reading the dead-letter queue would hide its messages from others.
  'dlq show': ['failed', 'timed_out', 'lost'],
  'dlq redrive': ['failed', 'timed_out', 'lost'],
  'dlq purge': ['failed', 'timed_out', 'lost'],
};

/**
 * Asks AWS for candidates that complete a word: the newest jobs that the verb can use, instances, stacks or fleets. The
 * result is empty after an error or after `timeoutSeconds`, because a shell cannot show a message while it completes.
 */
export async function lookUpCandidates(wanted: LookUpRequest, timeoutSeconds: number): Promise<Candidate[]> {
  const { word, prefix } = wanted;
  const found = candidates(wanted).catch(() => []);
  const known = await Promise.race([found, delay(timeoutSeconds * 1000, [], { ref: false })]);
  const matching = known.filter(({ value }) => value.startsWith(word));
  return matching.map(({ value, description }) => ({ value: prefix + value, description }));
}

async function candidates({ kind, verb, typed }: LookUpRequest): Promise<Candidate[]> {
  if (kind === 'stack' || kind === 'fleet') return namesOf(kind, typed);
  const fleet = await Fleet.find(toFindOptions(typed));
  try {
    switch (kind) {
      case 'job':
        return await jobsOf(fleet, STATES[verb]);
      case 'instance':
        return await instancesOf(fleet);
      case 'request':
        return await requestsOf(fleet, verb);
      case 'group':
        return await groupsOf(fleet);
      case 'lane':
        return await unhealthyOf(fleet);
      case 'command':
        return fleet.facts.commands.map((value) => ({ value, description: '' }));
    }
  } finally {
    fleet.close();
  }
}

async function namesOf(
  kind: 'stack' | 'fleet',
  { stack, region }: LookUpRequest['typed'],
): Promise<Candidate[]> {
  const ssm = new SSMClient({ region: region ?? (await findRegion({}, process.env)) });
  try {
    const names = await listFleets(ssm, kind === 'fleet' ? stack : undefined);
    const values = new Map(names.map((name) => [name[kind], name[kind === 'stack' ? 'fleet' : 'stack']]));
    return [...values].map(([value, description]) => ({ value, description }));
  } finally {
    ssm.destroy();
  }
}

async function jobsOf(fleet: Fleet, states: readonly JobState[] | undefined): Promise<Candidate[]> {
  const jobs = await fleet.list({ limit: MOST_JOBS, ...(states && { states }) });
  return jobs.map(({ id, state }) => ({ value: id, description: state }));
}

/** Verbs that can use a request that has ended. */
const OF_ENDED = new Set(['request show', 'request wait', 'request retry', 'list']);

async function requestsOf(fleet: Fleet, verb: string): Promise<Candidate[]> {
  const requests = await fleet.requests.list({ limit: MOST_REQUESTS, ended: OF_ENDED.has(verb) });
  return requests.map(({ id, state, count }) => ({
    value: id,
    description: `${state}, ${countOf(count, 'job')}`,
  }));
}

async function groupsOf(fleet: Fleet): Promise<Candidate[]> {
  const groups = await fleet.groups.list();
  return groups.map(({ name, held }) => ({ value: name, description: `${held} held` }));
}

/** The jobs whose lanes a person has to free. */
async function unhealthyOf(fleet: Fleet): Promise<Candidate[]> {
  const groups = await fleet.groups.list();
  return groups.flatMap(({ name, running }) =>
    running
      .filter(({ stage }) => stage === 'unhealthy')
      .map(({ job, target = '' }) => ({ value: job, description: `${target} of ${name}` })),
  );
}

async function instancesOf(fleet: Fleet): Promise<Candidate[]> {
  const { instances } = await fleet.describe({ retired: 0 });
  return instances.map(({ instance, status }) => ({ value: instance, description: status }));
}
