import { type JobRecord, TERMINAL_STATES } from '../../../jobs/record.ts';
import { requestJobId } from '../../../jobs/released.ts';
import { releaseJobs } from '../../../policy/groups/release.ts';
import { finishedRequests } from '../../../policy/groups/requests.ts';
import type { GroupState } from '../../../policy/groups/state.ts';
import type { TargetState } from '../../../store/target-items.ts';
import type { Scene } from './interleave.ts';

/**
 * What only the keeper would still do when all others are done: a job that may run and waits, a job that is out and has no message, a
 * job that waits for a target and is not noted there, something that has ended and is left.
 */
export function findLostWakeups({ table, sent }: Pick<Scene, 'table' | 'sent'>): string[] {
  const targets = table.readAll<TargetState>('target#');
  const groups = [...table.readAll<GroupState>('group#').values()];
  const isOut = ({ group, job }: TargetState) => job in (table.read<GroupState>(`group#${group}`)?.out ?? {});
  return [
    ...groups.flatMap((group) => [
      ...findReady(group),
      ...findUnsent(group, { table, sent }),
      ...findUnnoted(group, targets),
      ...finishedRequests(group).map(({ id }) => `${group.name} has not forgotten ${id}`),
    ]),
    ...[...targets].flatMap(([name, target]) =>
      isOut(target) ? [] : [`${target.job} has ${name}, and is not out`],
    ),
  ];
}

function findReady(group: GroupState): string[] {
  const { releases } = releaseJobs(group, { lanes: 1, maxLanes: 100 }, 0, requestJobId);
  return releases.map(({ id }) => `${id} waits beside a free lane of ${group.name}`);
}

function findUnsent({ name, out }: GroupState, { table, sent }: Pick<Scene, 'table' | 'sent'>): string[] {
  return Object.entries(out).flatMap(([id, { job: own = id, stage, release }]) => {
    // A person ends it.
    if (stage === 'unhealthy') return [];
    const record = table.read<JobRecord>(`job#${own}`);
    const isSent = sent.some((one) => one.job === own && one.release === release);
    if (record?.state === 'held' && record.release === release && record.sentAt !== undefined && isSent)
      return [];
    if (record && !TERMINAL_STATES.has(record.state) && record.state !== 'held') return [];
    return [
      `${own} is out in ${name} under release ${release}, its record has ${record?.state} ${record?.release}, ${isSent ? '' : 'not '}sent`,
    ];
  });
}

function findUnnoted(
  { name, requests, plain }: GroupState,
  targets: ReadonlyMap<string, TargetState>,
): string[] {
  const waiting = [
    ...requests.flatMap((request) => Object.values(request.waiting)),
    ...plain.jobs.flatMap(({ waits, target }) => (waits && target !== undefined ? [target] : [])),
  ].filter((target) => target !== '');
  return waiting.flatMap((target) => {
    const holder = targets.get(target);
    if (!holder) return [`${name} waits for ${target}, which is free`];
    return holder.waiting?.includes(name) ? [] : [`${name} waits for ${target}, and is not noted there`];
  });
}
