import { type JobRecord, TERMINAL_STATES } from '../jobs/record.ts';
import { freeTarget } from '../policy/groups/lane.ts';
import type { Release } from '../policy/groups/release.ts';
import { decideRepair, type OutRecord } from '../policy/groups/repair.ts';
import { finishedRequests, recallable } from '../policy/groups/requests.ts';
import type { GroupState, OutJob } from '../policy/groups/state.ts';
import type { endOf } from './group-writer.ts';
import type { Groups } from './groups.ts';

/**
 * Does again what was cut off in a group: compares the jobs that are out with their records, tries the jobs again that wait for
 * targets, and takes back what was released of requests that do not go on. What fails for one job keeps no other from being repaired,
 * and it rejects in the end.
 *
 * @param retentionMs how long the queue keeps a message
 * @returns the group afterwards
 */
export async function repairGroup(groups: Groups, name: string, retentionMs: number): Promise<GroupState> {
  const group = await groups.items.read(name);
  const ids = Object.entries(group.out).map(([id, { job }]) => job ?? id);
  const records = await groups.jobs.getMany(ids);
  const failures: unknown[] = [];
  for (const [id, job] of Object.entries(group.out)) {
    await repairJob(groups, group, { id, job, record: records.get(job.job ?? id) }, retentionMs).catch(
      (error: unknown) => failures.push(error),
    );
  }
  for (const { id, state } of group.requests) {
    if (state !== 'open' && recallable(group, id).length > 0) await groups.recallRequest(name, id);
  }
  await noteStoredPlace(groups, name);
  // What is finished or tripped is settled after each change.
  const after = await groups.change(name, (now) => ({ group: freeTarget(now) }));
  if (failures.length > 0) throw failures[0];
  return finishedRequests(after).length > 0 ? groups.items.read(name) : after;
}

/**
 * Frees targets whose jobs are out no more: a release that was cut off took them after its job was recalled.
 *
 * @param states groups, as they were a short time ago
 */
export async function repairTargets(groups: Groups, states: readonly GroupState[]): Promise<void> {
  const known = new Map(states.map((state) => [state.name, state]));
  for (const [target, holder] of await groups.targets.readAll()) {
    const { out = {} } = known.get(holder.group) ?? {};
    if (!(holder.job in out)) await groups.freeStale(target, holder);
  }
}

async function repairJob(
  groups: Groups,
  group: GroupState,
  { id, job, record }: { id: string; job: OutJob; record: JobRecord | undefined },
  retentionMs: number,
): Promise<void> {
  const { name } = group;
  const nowMs = groups.context.clock.now();
  switch (decideRepair(job, record && toOutRecord(record), nowMs, retentionMs)) {
    case 'none':
      return;
    case 'end':
      await groups.endJob(name, record ?? goneJob(id, job));
      return;
    case 'recall':
      await groups.recallJob(group, id);
      return;
    case 'lose': {
      const lost = await groups.jobs.endHeld(job.job ?? id, 'lost', LOST, nowMs);
      if (lost) await groups.endJob(name, lost);
      return;
    }
    case 'look':
      if (!(await groups.isQueueEmpty())) return;
      await releaseAgain(groups, group, { id, job });
      return;
    case 'release':
      await releaseAgain(groups, group, { id, job });
  }
}

/** A message that is there all the same does no harm: it finds a job that runs or has ended. */
async function releaseAgain(groups: Groups, group: GroupState, release: Release): Promise<void> {
  const change = await groups.release(group, release);
  if (change) await groups.change(group.name, change);
}

const LOST = "its message is older than the queue's retention period, so nothing can start it any more";

function toOutRecord({ state, release, lastRelease, sentAt }: JobRecord): OutRecord {
  return {
    state: TERMINAL_STATES.has(state) ? 'ended' : (state as OutRecord['state']),
    release,
    lastRelease,
    sentAtMs: sentAt === undefined ? undefined : Date.parse(sentAt),
  };
}

/** A job whose record was cleaned up or has expired. */
function goneJob(id: string, { job, target }: OutJob): Parameters<typeof endOf>[0] {
  return {
    id: job ?? id,
    state: 'cancelled',
    ...(job !== undefined && { stageOf: id }),
    ...(target !== undefined && { target }),
  };
}

/** Plain jobs that were written behind the others, whose writer was cut off before the group had their number. */
async function noteStoredPlace(groups: Groups, name: string): Promise<void> {
  const { plain } = await groups.items.read(name);
  if (plain.jobs.length === 0 && plain.tail === 0) return;
  await groups.noteStoredPlace(name, plain.tail);
}
