import { createNonce } from '../jobs/binding.ts';
import { type JobRecord, TERMINAL_STATES } from '../jobs/record.ts';
import { createBodyAttributes } from './body-in-record.ts';
import { type Claim, type ClaimRequest, whyNotCreated } from './claim.ts';
import type { HeldJobs } from './held-jobs.ts';
import { createHeldRecord } from './held-record.ts';

/**
 * Holds the job of a producer's own message that names a group. The job then gets its place in the group, and the message is
 * deleted: the release sends another.
 */
export async function holdJob(held: HeldJobs, request: ClaimRequest): Promise<Claim> {
  const { id, nonce, nowMs } = request;
  const refused = whyNotCreated(request);
  const record = recordOf(request);
  if (!refused && (await held.create(record))) return { kind: 'held', record };
  const earlier = await held.get(id);
  if (!earlier) return refused ?? holdJob(held, request);
  if (!isBound(earlier, request))
    return { kind: 'refused', reason: `the message is not the one that job ${id} was enqueued with` };
  const { state, leaseUntilMs = 0, release, placedAt } = earlier;
  if (TERMINAL_STATES.has(state)) return { kind: 'ended', record: earlier };
  if (state === 'running') return { kind: 'running', untilMs: Math.max(leaseUntilMs, nowMs) };
  if (state === 'held') {
    return release === undefined && placedAt === undefined
      ? { kind: 'held', record: earlier }
      : { kind: 'stale' };
  }
  const { group, target, attributes } = request;
  const own = { group, target, attributes };
  const now = await held.hold(id, earlier.nonce === undefined ? undefined : nonce, own);
  return now ? { kind: 'held', record: now } : holdJob(held, request);
}

/** A message without a nonce is a producer's own: it belongs to a record that such a message made. */
function isBound({ nonce, boundBy }: JobRecord, request: ClaimRequest): boolean {
  if (nonce === request.nonce) return true;
  if (request.nonce === undefined && boundBy === 'agent') return true;
  return nonce === undefined && !request.needsNonce;
}

function recordOf(request: ClaimRequest): JobRecord {
  const { id, messageId, nonce, enqueuedAtMs, body, group, target, label, requestId, limitSeconds } = request;
  const { retryOf, attributes, repeated } = request;
  return {
    ...createHeldRecord(id, enqueuedAtMs),
    messageId,
    ...(retryOf !== undefined && nonce !== undefined
      ? { nonce }
      : { nonce: createNonce(), boundBy: 'agent' as const }),
    ...(body !== undefined && createBodyAttributes(body)),
    ...(group !== undefined && { group }),
    ...(target !== undefined && { target }),
    ...(label !== undefined && { label }),
    ...(requestId !== undefined && { requestId }),
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(retryOf !== undefined && { retryOf }),
    ...repeated,
    ...(attributes !== undefined && { attributes }),
  };
}
