import type { Facts, GroupedFacts, RecordFacts } from '../../../checker/facts.ts';
import type { WitnessLine } from '../../../checker/witness.ts';
import type { JobRecord } from '../../../jobs/record.ts';
import type { GroupState } from '../../../policy/groups/state.ts';
import type { RequestRecord } from '../../../store/request-items.ts';
import type { TargetState } from '../../../store/target-items.ts';
import type { MemoryTable } from '../../support/memory-table.ts';
import type { Guard } from './guard.ts';

/** What the checker judges a played fleet by: the witness of its workers, and its table. */
export function gatherGroupedFacts(table: MemoryTable, guard: Guard, witness: readonly WitnessLine[]): Facts {
  const grouped: GroupedFacts = {
    witness,
    groups: [...table.readAll<GroupState>('group#')].map(([name, { out }]) => ({
      name,
      lanes: guard.lanes.get(name) ?? [],
      out: Object.entries(out).map(([job, { job: own = job, stage }]) => ({
        ...{ job, own, isUnhealthy: stage === 'unhealthy' },
      })),
    })),
    targets: [...table.readAll<TargetState>('target#')].map(([name, { job, group }]) => ({
      name,
      job,
      group,
    })),
    requests: [...table.readAll<RequestRecord>('request#')].map(([id, { endedAt, count, policy }]) => ({
      ...{ id, isEnded: endedAt !== undefined, count, serial: policy.serial ?? [] },
    })),
  };
  return {
    ...{ sent: [], journal: [], workersAlive: [], queue: { visible: [], inFlight: 0 }, deadLetters: [] },
    ...{ instances: [], group: undefined, calls: [], leaseMs: 60_000 },
    records: [...table.readAll<JobRecord>('job#')].map(([id, record]) => toRecordFacts(id, record)),
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
