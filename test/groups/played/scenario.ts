import { enqueue } from '../../../client/enqueue/enqueue.ts';
import { FleetError } from '../../../client/errors.ts';
import { FleetGroups } from '../../../client/groups/groups.ts';
import { cancelJobs } from '../../../client/jobs/cancel.ts';
import { FleetRequests } from '../../../client/requests/requests.ts';
import type { RequestOptions, TargetGroup } from '../../../client/requests/types.ts';
import { type JobRecord, TERMINAL_STATES } from '../../../jobs/record.ts';
import type { GroupState } from '../../../policy/groups/state.ts';
import type { RequestRecord } from '../../../store/request-items.ts';
import type { Operation, PlayedFleet } from './fleet.ts';

/** A call of the library that somebody makes, and makes again until it succeeds. */
export interface Order {
  name: string;
  run: (fleet: PlayedFleet) => Operation;
  operation?: Operation | undefined;
}

/** Makes a request. It has an id, so that the same call goes on with it. */
export function request(groups: readonly TargetGroup[], options: RequestOptions & { id: string }): Order {
  const name = `request ${options.id}`;
  return {
    name,
    run: (fleet) => fleet.operate(name, (context) => new FleetRequests(context).submit(groups, options)),
  };
}

/** Enqueues a plain job. It has a key, so that the same call makes no second job. */
export function plainJob(group: string, target: string | undefined, dedupe: string): Order {
  const options = { group, dedupe, ...(target !== undefined && { target }) };
  return {
    name: `enqueue ${dedupe}`,
    run: (fleet) => fleet.operate(`enqueue ${dedupe}`, (context) => enqueue(context, dedupe, options)),
  };
}

export type RequestVerb = 'pause' | 'resume' | 'cancel';

export function changeRequest(verb: RequestVerb, id: string, now = false): Order {
  const name = `${verb} ${id}`;
  return {
    name,
    run: (fleet) =>
      fleet.operate(name, (context) => {
        const requests = new FleetRequests(context);
        return verb === 'cancel' ? requests.cancel(id, { now }) : requests[verb](id);
      }),
  };
}

export function changeGroup(verb: 'pause' | 'resume', group: string): Order {
  const name = `${verb} ${group}`;
  return { name, run: (fleet) => fleet.operate(name, (context) => new FleetGroups(context)[verb](group)) };
}

export function setLanes(group: string, lanes: number): Order {
  const name = `set ${group} ${lanes}`;
  return {
    name,
    run: (fleet) => fleet.operate(name, (context) => new FleetGroups(context).set(group, { lanes })),
  };
}

export function freeLane(job: string): Order {
  const name = `free ${job}`;
  return { name, run: (fleet) => fleet.operate(name, (context) => new FleetGroups(context).free(job)) };
}

export function cancelJob(job: string): Order {
  const name = `cancel ${job}`;
  return { name, run: (fleet) => fleet.operate(name, (context) => cancelJobs(context, [job], {})) };
}

/** Makes the call if it was not made, or again if it failed or its caller crashed. True: it has succeeded. */
export function pursue(fleet: PlayedFleet, order: Order): boolean {
  const { operation } = order;
  if (operation?.result === 'done') return true;
  if (operation && operation.result === undefined && !operation.actor.gone) return false;
  order.operation = order.run(fleet);
  return false;
}

/** An error that says that AWS did not answer as it should, or that what was asked cannot be done now. */
export function isExpected(error: Error): boolean {
  if (error instanceof AggregateError) return error.errors.every((one: Error) => isExpected(one));
  return error instanceof FleetError || INJECTED.has(error.name);
}

const INJECTED: ReadonlySet<string> = new Set(['ThrottlingException', 'TimeoutError']);

/** Whether a person may end the stop of a group: nothing is at work any more on the targets that are unhealthy. */
export function mayResume({ table, remotes }: PlayedFleet, group: string): boolean {
  const { out = {} } = table.read<GroupState>(`group#${group}`) ?? {};
  return ![...remotes].some(({ job }) => out[job]?.stage === 'unhealthy');
}

/** What is left to be done, for a person. Empty: nothing is. */
export function findUndone({ table, queue }: PlayedFleet): string[] {
  const jobs = [...table.readAll<JobRecord>('job#')].filter(([, { state }]) => !TERMINAL_STATES.has(state));
  const groups = [...table.readAll<GroupState>('group#')].flatMap(([name, { out, requests, plain }]) => [
    ...Object.entries(out).map(([id, { stage }]) => `${id} is out in ${name} (${stage})`),
    ...requests.map(({ id, state }) => `${name} has request ${id} (${state})`),
    ...(plain.jobs.length + plain.stored > 0 ? [`${name} has plain jobs`] : []),
  ]);
  const requests = [...table.readAll<RequestRecord>('request#')].filter(
    ([, { endedAt }]) => endedAt === undefined,
  );
  return [
    ...jobs.map(([id, { state, release }]) => `${id} is ${state}, release ${release}`),
    ...groups,
    ...requests.map(([id, { state }]) => `request ${id} is ${state}`),
    ...[...table.readAll<{ job: string }>('target#')].map(([name, { job }]) => `${job} has target ${name}`),
    ...(queue.isEmpty ? [] : ['there are messages']),
  ];
}
