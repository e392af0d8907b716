import type { JobRecord } from '../../../jobs/record.ts';
import type { Manner } from '../../jobs/lifecycle/calls.ts';
import type { PlayedFleet } from './fleet.ts';
import type { Random } from './random.ts';
import { cancelJob, changeGroup, changeRequest, type Order, pursue, setLanes } from './scenario.ts';
import type { WorkerPlan } from './worker.ts';

export const exits = (ms: number, status: number): WorkerPlan => ({
  ms,
  end: { kind: 'exited', status, stopped: false },
});

export const SUCCEEDS = exits(2000, 0);

/** Most workers succeed. Others fail, say "not now", die, hang or are lost with their slots. */
export function planWorker(random: Random): WorkerPlan {
  const ms = random.whole(1, 30) * 1000;
  const kind = random.whole(0, 19);
  if (kind < 13) return exits(ms, 0);
  if (kind < 16) return exits(ms, 1);
  if (kind === 16) return exits(ms, 75);
  if (kind === 17) return { ms, end: { kind: 'signalled', signal: 'SIGKILL', stopped: false } };
  if (kind === 18) return { ms, end: { kind: 'lost', reason: 'the slot has ended' } };
  return { ms: Number.POSITIVE_INFINITY, end: { kind: 'lost', reason: 'it never ends' } };
}

/** A check asks whether the job has left something at work. One in ten finds the target unhealthy for ever. */
export function planCheck(random: Random, isAtWork: boolean): WorkerPlan {
  if (random.chance(0.1)) return exits(1000, 65);
  return exits(1000, isAtWork ? 1 : 0);
}

/** What somebody may do to a scenario. */
export interface Subjects {
  groups: readonly string[];
  requests: readonly string[];
}

/** One thing that happens in a fleet in trouble. */
export async function trouble(
  fleet: PlayedFleet,
  random: Random,
  orders: readonly Order[],
  subjects: Subjects,
): Promise<void> {
  const kind = random.whole(0, 99);
  if (kind < 60 && fleet.calls > 0) return void (await fleet.answer(random.whole(0, 999), manner(random)));
  if (kind < 70) return deliver(fleet, random);
  if (kind < 78) return fleet.wait(random.pick([1, 1, 2, 5, 5, 20, 61]));
  if (kind < 81) return crash(fleet, random);
  if (kind < 83) return void (await cut(fleet, random));
  if (kind < 86) return keep(fleet);
  if (kind < 90) return void pursue(fleet, random.pick(orders));
  if (kind < 92) return void fleet.queue.redeliver(random.whole(0, 99));
  change(fleet, random, subjects);
}

function manner(random: Random): Manner {
  const kind = random.whole(0, 29);
  return kind === 0 ? 'lost' : kind === 1 ? 'refused' : 'well';
}

async function deliver(fleet: PlayedFleet, random: Random): Promise<void> {
  await fleet.deliver(random.pick(fleet.agents));
}

/** Somebody is gone between two calls. Half of the calls that are on the way still arrive. An agent is replaced. */
function crash(fleet: PlayedFleet, random: Random): void {
  const agents = fleet.agents.filter(({ gone }) => !gone);
  const others = fleet.runningOperations.map(({ actor }) => actor);
  const who = random.pick([...agents, ...others, ...others]);
  fleet.crash(who, () => random.chance(0.5));
  if (agents.some((agent) => agent === who)) fleet.startAgent();
}

async function cut(fleet: PlayedFleet, random: Random): Promise<void> {
  const agent = random.pick(fleet.agents);
  if (!agent.gone) agent.cutOff = !agent.cutOff;
}

/** Two keepers at most run at once. */
function keep(fleet: PlayedFleet): void {
  if (fleet.runningOperations.filter(({ name }) => name === 'keep').length < 2) fleet.keep();
}

function change(fleet: PlayedFleet, random: Random, { groups, requests }: Subjects): void {
  const jobs = [...fleet.table.readAll<JobRecord>('job#').keys()];
  const [group, id] = [random.pick(groups), random.pick(requests)];
  const order = random.pick([
    () => setLanes(group, random.whole(1, 3)),
    () => changeGroup('pause', group),
    () => changeGroup('resume', group),
    () => changeRequest('pause', id),
    () => changeRequest('pause', id),
    () => changeRequest('resume', id),
    () => changeRequest('resume', id),
    () => changeRequest('resume', id),
    () => changeRequest('cancel', id, random.chance(0.5)),
    () => (jobs.length > 0 ? cancelJob(random.pick(jobs)) : changeRequest('resume', id)),
  ])();
  order.run(fleet);
}
