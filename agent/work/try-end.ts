import { type Ending, findNotNowSince, type RetryRules, type TryCounts } from '../../jobs/outcome.ts';
import type { Try } from '../../jobs/record.ts';
import type { TryEnd } from '../../store/job-endings.ts';
import type { WorkerResult } from '../runner/runner.ts';
import type { InFlightMessage } from './in-flight-message.ts';

/** How a worker ended, as in a record and a dead letter. */
export type Exit = Pick<TryEnd, 'exitStatus' | 'signal' | 'reason'> &
  Pick<Try, 'slotLost' | 'unhealthy' | 'result' | 'resultError'>;

export function toExit(ending: Ending, result?: WorkerResult): Exit {
  return { ...toEnd(ending), ...toResult(result) };
}

function toEnd(ending: Ending): Exit {
  if (ending.kind === 'exited') return { exitStatus: ending.status };
  if (ending.kind === 'unhealthy') return { ...toEnd(ending.end), unhealthy: true };
  if (ending.kind === 'slot-lost') return { slotLost: true };
  return ending.kind === 'signalled' ? { signal: ending.signal } : {};
}

function toResult(result: WorkerResult | undefined): Exit {
  if (!result) return {};
  return 'text' in result ? { result: result.text } : { resultError: result.problem };
}

/** Counts the tries that cost an attempt, this one included. */
export function countAttempts(inFlight: InFlightMessage): number {
  return inFlight.claim?.attempts ?? inFlight.message.receiveCount;
}

/** The fleet's rules, with what the record of the job has instead. */
export function rulesFor({ claim }: InFlightMessage, rules: RetryRules): RetryRules {
  const { maxAttempts = rules.maxAttempts } = claim?.grouped ?? {};
  return { ...rules, maxAttempts };
}

/** What is known of a job's tries when one of them ends, at `nowMs` in AWS's time. */
export function countTries(inFlight: InFlightMessage, rules: RetryRules, nowMs: number): TryCounts {
  const { message, claim } = inFlight;
  const { receiveCount, sentAtMs = nowMs } = message;
  const counts = {
    attempts: countAttempts(inFlight),
    receiveCount,
    ageSeconds: (nowMs - sentAtMs) / 1000,
    ...countEarlierTries(inFlight, rules),
  };
  if (!claim?.grouped) return counts;
  const { notNowAtMs = nowMs } = claim.grouped;
  return { ...counts, notNowSeconds: (nowMs - notNowAtMs) / 1000 };
}

/**
 * Counts the earlier tries that may have cost no attempt. Without a record only SQS counts: each earlier try may have lost
 * its slot, and those beyond `maxAttempts` cost none.
 */
function countEarlierTries(
  { claim, message: { receiveCount } }: InFlightMessage,
  { maxAttempts }: RetryRules,
): Pick<TryCounts, 'slotsLost' | 'unhealthy'> {
  if (!claim) return { slotsLost: receiveCount - 1, unhealthy: Math.max(0, receiveCount - maxAttempts) };
  return {
    slotsLost: claim.tries.filter(({ slotLost }) => slotLost).length,
    unhealthy: claim.tries.filter(({ unhealthy }) => unhealthy).length,
  };
}

/** What the record of a job of a group is to say of since when it exits with 75. */
export function toNotNow(ending: Ending, { claim }: InFlightMessage, endedAtMs: number): TryEnd['notNowMs'] {
  if (!claim?.grouped) return undefined;
  const { notNowAtMs } = claim.grouped;
  return findNotNowSince(ending, notNowAtMs, endedAtMs) ?? (notNowAtMs === undefined ? undefined : 'never');
}

/** Returns the job's tries with the end of the last one. */
export function endLastTry(
  { attempts, tries }: NonNullable<InFlightMessage['claim']>,
  end: Undefinable<Partial<Try>>,
): Try[] {
  const last = tries.at(-1);
  return last ? [...tries.slice(0, -1), { ...last, ...end, attempt: attempts } as Try] : [];
}

type Undefinable<T> = { [Key in keyof T]: T[Key] | undefined };
