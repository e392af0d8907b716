import type { GroupedFacts, GroupFacts, RecordFacts, Violation } from '../facts.ts';
import { groupLanes, type SeenLane } from '../witness.ts';

/** The states of a job that has not ended. */
export const LIVE_STATES: ReadonlySet<string> = new Set(['held', 'queued', 'running']);

/**
 * Never more jobs of a group are out than it has lanes, by what the witness has seen, and never two on one target. No lane and no
 * target is left of a job that has ended.
 */
export function judgeGroups(facts: GroupedFacts, records: readonly RecordFacts[]): Violation[] {
  const lanes = groupLanes(facts.witness);
  const byId = new Map(records.map((record) => [record.id, record]));
  return [
    ...facts.groups.flatMap((group) => judgeLanes(group, lanes, byId)),
    ...judgeTargets(lanes),
    ...facts.groups.flatMap(({ name, out }) => judgeOut(name, out, byId)),
    ...judgeHeldTargets(facts),
  ];
}

type Records = ReadonlyMap<string, RecordFacts>;

function judgeLanes(group: GroupFacts, lanes: readonly SeenLane[], records: Records): Violation[] {
  const own = lanes.filter((lane) => lane.group === group.name);
  return own.flatMap(({ first }) => {
    const open = own.filter((one) => one.first <= first && first <= one.last);
    // All of them were out when the last of them was released.
    const releasedMs = Math.max(...open.map(({ job }) => records.get(job)?.releasedMs ?? 0));
    const allowed = lanesAt(group, releasedMs);
    if (open.length <= allowed) return [];
    const jobs = open.map(({ job }) => job).join(', ');
    const message = `has ${allowed} lanes, and these jobs were out at once (line ${first + 1}): ${jobs}`;
    return [{ rule: 'lanes-exceeded' as const, subject: group.name, message }];
  });
}

/** The lanes at a time. If they change in that millisecond, the larger number. */
export function lanesAt({ lanes }: Pick<GroupFacts, 'lanes'>, atMs: number): number {
  const earlier = lanes.filter(({ fromMs }) => fromMs < atMs).at(-1);
  const same = lanes.filter(({ fromMs }) => fromMs === atMs);
  const all = [...(earlier ? [earlier] : []), ...same];
  return Math.max(...(all.length > 0 ? all : lanes.slice(0, 1)).map((one) => one.lanes), 1);
}

function judgeTargets(lanes: readonly SeenLane[]): Violation[] {
  const byTarget = Map.groupBy(
    lanes.filter(({ target }) => target !== undefined),
    ({ target }) => target,
  );
  return [...byTarget].flatMap(([target, own]) =>
    own.flatMap((lane) => {
      const other = own.find((one) => one.first < lane.first && lane.first <= one.last);
      if (!other) return [];
      const message = `was started on ${target} (line ${lane.first + 1}), where ${other.job} was out until line ${other.last + 1}`;
      return [{ rule: 'target-shared' as const, subject: lane.job, message }];
    }),
  );
}

function judgeOut(group: string, out: GroupFacts['out'], records: Records): Violation[] {
  return out
    .filter(({ own, isUnhealthy }) => !isUnhealthy && !LIVE_STATES.has(records.get(own)?.state ?? ''))
    .map(({ job, own }) => ({
      rule: 'lane-leaked' as const,
      subject: job,
      message: `has a lane of ${group}, and ${own} is ${records.get(own)?.state ?? 'unknown'}`,
    }));
}

function judgeHeldTargets({ targets, groups }: GroupedFacts): Violation[] {
  const out = new Set(groups.flatMap(({ name, out: own }) => own.map(({ job }) => `${name} ${job}`)));
  return targets
    .filter(({ job, group }) => !out.has(`${group} ${job}`))
    .map(({ name, job, group }) => ({
      rule: 'target-leaked' as const,
      subject: job,
      message: `has the target ${name}, and no lane of ${group}`,
    }));
}
