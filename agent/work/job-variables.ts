import type { Job } from '../../jobs/message.ts';
import type { GroupedClaim } from '../../store/claim.ts';
import type { InFlightMessage } from './in-flight-message.ts';
import { countAttempts } from './try-end.ts';

/**
 * Creates the worker's variables about its job.
 *
 * @param deadlineMs by the machine's wall clock, which the worker can read
 */
export function createJobVariables(
  job: Job,
  inFlight: InFlightMessage,
  deadlineMs: number,
): Record<string, string> {
  const { label = '', grouped } = inFlight.claim ?? {};
  return {
    MAYFLY_JOB_ID: job.id,
    MAYFLY_ATTEMPT: `${countAttempts(inFlight)}`,
    MAYFLY_DEADLINE: new Date(deadlineMs).toISOString(),
    MAYFLY_REQUEST_ID: grouped?.requestId ?? job.requestId ?? '',
    MAYFLY_GROUP: grouped?.group ?? job.group ?? '',
    MAYFLY_LABEL: label,
    ...(grouped && createGroupedVariables(grouped)),
  };
}

function createGroupedVariables({
  target,
  index,
  count,
  stage,
  stageOf,
}: GroupedClaim): Record<string, string> {
  return {
    MAYFLY_TARGET: target ?? '',
    MAYFLY_INDEX: `${index ?? ''}`,
    MAYFLY_COUNT: `${count ?? ''}`,
    ...(stage && { MAYFLY_STAGE: stage, MAYFLY_STAGE_OF: stageOf ?? '' }),
  };
}
