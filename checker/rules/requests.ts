import type { GroupedFacts, RecordFacts, RequestFacts, Violation } from '../facts.ts';
import { groupLanes, type SeenLane } from '../witness.ts';
import { LIVE_STATES, lanesAt } from './groups.ts';

/** A request's jobs of one group begin in their order and batch by batch. When it has ended, all of its jobs have. */
export function judgeRequests(facts: GroupedFacts, records: readonly RecordFacts[]): Violation[] {
  const lanes = groupLanes(facts.witness);
  const shared = findShared(records);
  return facts.requests.flatMap((request) => {
    const own = records.filter((record) => record.request === request.id && record.stageOf === undefined);
    return [
      ...judgeEnd(request, own),
      ...[...Map.groupBy(own, ({ group = '' }) => group)].flatMap(([group, jobs]) => {
        const ordered = jobs.toSorted((one, other) => (one.index ?? 0) - (other.index ?? 0));
        const seen = new Map(
          lanes.flatMap((lane) => (lane.request === request.id ? [[lane.job, lane]] : [])),
        );
        return [
          ...judgeOrder({ facts, group, jobs: ordered, seen, shared }),
          ...judgeBatches(request, ordered, seen),
        ];
      }),
    ];
  });
}

function findShared(records: readonly RecordFacts[]): Set<string> {
  const main = records.filter(({ stageOf, target }) => stageOf === undefined && target !== undefined);
  const byTarget = Map.groupBy(main, ({ target = '' }) => target);
  return new Set([...byTarget].flatMap(([target, jobs]) => (jobs.length > 1 ? [target] : [])));
}

function judgeEnd({ id, isEnded, count }: RequestFacts, jobs: readonly RecordFacts[]): Violation[] {
  if (!isEnded) return [];
  const live = jobs.filter(({ state }) => LIVE_STATES.has(state));
  const violations = live.map(({ id: job, state }) => ({
    rule: 'request-unended' as const,
    subject: job,
    message: `is ${state}, and its request ${id} has ended`,
  }));
  if (jobs.length === count) return violations;
  const message = `has ended, and has ${jobs.length} records of its ${count} jobs`;
  return [...violations, { rule: 'request-unended' as const, subject: id, message }];
}

interface Order {
  facts: GroupedFacts;
  group: string;
  /** The request's jobs of the group, in their order. */
  jobs: readonly RecordFacts[];
  seen: ReadonlyMap<string, SeenLane>;
  /** Targets of several jobs. */
  shared: ReadonlySet<string>;
}

/**
 * Jobs before this one that begin later have been out with it, in other lanes. A job whose target another job may have had lets
 * others pass, and is not judged.
 */
function judgeOrder({ facts, group, jobs, seen, shared }: Order): Violation[] {
  const lanes = facts.groups.find(({ name }) => name === group);
  const judged = jobs.filter(({ id, target = id }) => seen.has(id) && !shared.has(target));
  return jobs.flatMap((job, position) => {
    const { first } = seen.get(job.id) ?? {};
    if (first === undefined || !lanes) return [];
    const before = new Set(jobs.slice(0, position));
    const later = judged.filter((one) => before.has(one) && (seen.get(one.id)?.first ?? 0) > first);
    if (later.length < lanesAt(lanes, job.releasedMs ?? 0)) return [];
    const names = later.map(({ id }) => id).join(', ');
    const message = `was started (line ${first + 1}) before ${names}, which come before it in ${group}`;
    return [{ rule: 'order-broken' as const, subject: job.id, message }];
  });
}

function judgeBatches(
  { serial }: RequestFacts,
  jobs: readonly RecordFacts[],
  seen: ReadonlyMap<string, SeenLane>,
): Violation[] {
  const violations: Violation[] = [];
  let start = 0;
  let lastBefore: { job: string; line: number } | undefined;
  for (let batch = 0; start < jobs.length; batch += 1) {
    const end = Math.min(
      jobs.length,
      start + sizeOf(serial[Math.min(batch, serial.length - 1)], jobs.length),
    );
    const lanes = jobs.slice(start, end).flatMap(({ id }) => seen.get(id) ?? []);
    for (const { job, first } of lanes) {
      if (!lastBefore || first > lastBefore.line) continue;
      const message = `was started (line ${first + 1}) in batch ${batch + 1}, before ${lastBefore.job} had ended (line ${lastBefore.line + 1})`;
      violations.push({ rule: 'batch-broken', subject: job, message });
    }
    for (const { job, last } of lanes)
      if (!lastBefore || last > lastBefore.line) lastBefore = { job, line: last };
    start = end;
  }
  return violations;
}

/** Ansible's arithmetic: a percentage is cut off and at least one, and nothing or less is all that are left. */
function sizeOf(size: number | string | undefined, count: number): number {
  const whole =
    typeof size === 'string' ? Math.trunc((Number.parseInt(size, 10) / 100) * count) || 1 : (size ?? 0);
  return whole > 0 ? whole : count;
}
