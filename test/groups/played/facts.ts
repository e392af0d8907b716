import type { Facts, GroupedFacts, GroupFacts, RecordFacts } from '../../../checker/facts.ts';
import type { WitnessLine } from '../../../checker/witness.ts';
import type { JobRecord } from '../../../jobs/record.ts';
import type { GroupState } from '../../../policy/groups/state.ts';
import type { RequestRecord } from '../../../store/request-items.ts';
import type { TargetState } from '../../../store/target-items.ts';
import type { MemoryTable } from '../../support/memory-table.ts';

/** The items of a fleet's table, by their names or ids. */
export interface Items {
  jobs: ReadonlyMap<string, JobRecord>;
  groups: ReadonlyMap<string, GroupState>;
  targets: ReadonlyMap<string, TargetState>;
  requests: ReadonlyMap<string, RequestRecord>;
}

export type Lanes = GroupFacts['lanes'];

export function readItems(table: MemoryTable): Items {
  return {
    jobs: table.readAll('job#'),
    groups: table.readAll('group#'),
    targets: table.readAll('target#'),
    requests: table.readAll('request#'),
  };
}

/** What the checker judges groups by: the witness of their workers, and the table. */
export function createGroupedFacts(
  { jobs, groups, targets, requests }: Items,
  lanes: ReadonlyMap<string, Lanes>,
  witness: readonly WitnessLine[],
): Facts {
  const grouped: GroupedFacts = {
    witness,
    groups: [...groups].map(([name, { out }]) => ({
      name,
      lanes: lanes.get(name) ?? [],
      out: Object.entries(out).map(([job, { job: own = job, stage }]) => ({
        ...{ job, own, isUnhealthy: stage === 'unhealthy' },
      })),
    })),
    targets: [...targets].map(([name, { job, group }]) => ({ name, job, group })),
    requests: [...requests].map(([id, { endedAt, count, policy }]) => ({
      ...{ id, isEnded: endedAt !== undefined, count, serial: policy.serial ?? [] },
    })),
  };
  return {
    ...{ sent: [], journal: [], workersAlive: [], queue: { visible: [], inFlight: 0 }, deadLetters: [] },
    ...{ instances: [], group: undefined, calls: [], leaseMs: 60_000 },
    records: [...jobs].map(([id, record]) => toRecordFacts(id, record)),
    grouped,
  };
}

function toRecordFacts(id: string, record: JobRecord): RecordFacts {
  const { state, group, target, requestId: request, index, stageOf, releasedAt } = record;
  return {
    id,
    state,
    ...(group !== undefined && { group }),
    ...(target !== undefined && { target }),
    ...(request !== undefined && { request }),
    ...(index !== undefined && { index }),
    ...(stageOf !== undefined && { stageOf }),
    ...(releasedAt !== undefined && { releasedMs: Date.parse(releasedAt) }),
  };
}
