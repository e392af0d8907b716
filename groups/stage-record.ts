import { createNonce } from '../jobs/binding.ts';
import type { JobRecord } from '../jobs/record.ts';
import { stageJobId } from '../jobs/released.ts';
import type { RequestPolicy } from '../policy/groups/state.ts';
import { createHeldRecord } from '../store/held-record.ts';

/** Tries that a roll-back or a check has: it may be lost with its instance. */
const MOST_TRIES = 5;

/** The record of the roll-back or the check that follows a job. It gets the job's body. */
export function createStageRecord(
  main: JobRecord,
  stage: 'rollBack' | 'check',
  { rollBack, healthy, checkSeconds }: RequestPolicy,
  nowMs: number,
): JobRecord {
  const id = stageJobId(main.id, stage);
  const { group, target, requestId, index, count, label, body, bodyStart, bodyBytes, bodyKey, bodyDigest } =
    main;
  const limitSeconds = stage === 'check' ? checkSeconds : main.limitSeconds;
  const kept = {
    group,
    target,
    requestId,
    index,
    count,
    label,
    body,
    bodyStart,
    bodyBytes,
    bodyKey,
    bodyDigest,
  };
  return {
    ...createHeldRecord(id, nowMs),
    nonce: createNonce(),
    maxAttempts: MOST_TRIES,
    command: (stage === 'check' ? healthy : rollBack) ?? '',
    stage,
    stageOf: main.id,
    ...(stage === 'check' && checkSeconds !== undefined && { checkSeconds }),
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(Object.fromEntries(
      Object.entries(kept).filter(([, value]) => value !== undefined),
    ) as Partial<JobRecord>),
  };
}
