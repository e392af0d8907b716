import type { RefusalKind } from '../policy/refusal.ts';

/**
 * The keys of the log bucket, but for those of bodies (`jobs/body-key.ts`).
 *
 * The log of a try that is too long for its record:
 *
 *     jobs/<job id>/<try key>/stdout/00000001     what the worker wrote, numbered from 1 without a gap
 *     jobs/<job id>/<try key>/stderr/00000001     likewise
 *     jobs/<job id>/<try key>/index/00000001      when which bytes came
 *
 * No object is written twice. An index is written after the bytes that it describes. Its lines are
 * `<epoch milliseconds> <1|2> <bytes>`, in the order in which the output came: 1 is stdout, 2 is stderr. A `-` before the
 * number of bytes says that they were lost.
 */

export const JOB_LOG_PREFIX = 'jobs/';
export const INSTANCE_LOG_PREFIX = 'instances/';

export type LogPart = 'stdout' | 'stderr' | 'index';

/** Keys sort in the order of the tries. A part of the claim's fence makes keys of the same time different. */
export function tryKey(startedMs: number, fence: string): string {
  const time = new Date(startedMs).toISOString().replaceAll(/[-:]/g, '');
  return `${time}-${fence.replaceAll(/[^0-9A-Za-z]/g, '').slice(0, 4)}`;
}

export function logPrefix(job: string, key?: string): string {
  const prefix = `${JOB_LOG_PREFIX}${job}/`;
  return key === undefined ? prefix : `${prefix}${key}/`;
}

export function chunkKey(job: string, key: string, part: LogPart, number: number): string {
  return `${logPrefix(job, key)}${part}/${String(number).padStart(8, '0')}`;
}

/** What an agent that cannot write to the table writes regularly instead: its forecast, as JSON. */
export function heartbeatKey(instance: string): string {
  return `${instanceLogPrefix(instance)}alive.json`;
}

/** Why an instance failed, as the name of its saved log says. */
export interface SavedLog {
  /** As in the retirement's record. */
  reason: string;
  /** Absent where AWS refused nothing. */
  refusal?: RefusalKind;
}

/** The key of the log of an instance that failed. `mayfly-retire.sh` writes the same. */
export function instanceLogKey(instance: string, decidedAt: string, { reason, refusal }: SavedLog): string {
  const time = decidedAt.replace(/\.\d+Z$/, 'Z').replaceAll(':', '');
  return `${instanceLogPrefix(instance)}${time}-${reason}${refusal === 'passing' ? '-outage' : ''}.log`;
}

/** The latest saved log among the objects of one instance. Undefined: it saved none. */
export function findSavedLog(keys: readonly string[]): (SavedLog & { key: string }) | undefined {
  const key = keys.findLast((one) => SAVED_LOG.test(one)) ?? '';
  const { reason, outage } = SAVED_LOG.exec(key)?.groups ?? {};
  if (reason === undefined) return undefined;
  if (!reason.startsWith('cannot-')) return { key, reason };
  return { key, reason, refusal: outage === undefined ? 'lasting' : 'passing' };
}

const SAVED_LOG = new RegExp(
  `^${INSTANCE_LOG_PREFIX}[^/]+/[-\\dT]+Z-(?<reason>[a-z-]+?)(?<outage>-outage)?\\.log$`,
);

export function instanceLogPrefix(instance: string): string {
  return `${INSTANCE_LOG_PREFIX}${instance}/`;
}
