import type { RefusalKind } from '../policy/refusal.ts';

/**
 * How the log of a try lies in the log bucket, once it is too long for the record:
 *
 *     jobs/<job id>/<try key>/stdout/00000001     what the worker printed, byte by byte; numbered from 1 without a gap
 *     jobs/<job id>/<try key>/stderr/00000001     likewise
 *     jobs/<job id>/<try key>/index/00000001      which bytes came when
 *
 * No object is ever written twice. An index tells only of bytes that are there already: it is written after them. Its
 * lines are `<epoch milliseconds> <1|2> <bytes>`, in the order in which the output came, stdout 1, stderr 2; bytes that
 * were lost are a line with a `-` before their number.
 */

const BODIES = 'bodies/';

export type LogPart = 'stdout' | 'stderr' | 'index';

/** The order of keys is that of the tries: time, then a little of the claim's fence against equal ones. */
export function tryKey(startedMs: number, fence: string): string {
  const time = new Date(startedMs).toISOString().replaceAll(/[-:]/g, '');
  return `${time}-${fence.replaceAll(/[^0-9A-Za-z]/g, '').slice(0, 4)}`;
}

export function logPrefix(job: string, key?: string): string {
  return key === undefined ? `jobs/${job}/` : `jobs/${job}/${key}/`;
}

export function chunkKey(job: string, key: string, part: LogPart, number: number): string {
  return `${logPrefix(job, key)}${part}/${String(number).padStart(8, '0')}`;
}

/** What an instance writes again and again that lives and cannot say so in the table: its outlook, as JSON. */
export function signOfLifeKey(instance: string): string {
  return `${instanceLogPrefix(instance)}alive.json`;
}

/** Why an instance broke down, as the name of its saved log tells it. */
export interface SavedLog {
  /** As in the retirement's record. */
  reason: string;
  /** Absent where AWS refused nothing. */
  refusal?: RefusalKind;
}

/** Where the log of an instance is that broke down: what `mayfly-retire.sh` writes too. */
export function instanceLogKey(instance: string, decidedAt: string, { reason, refusal }: SavedLog): string {
  const time = decidedAt.replace(/\.\d+Z$/, 'Z').replaceAll(':', '');
  return `${instanceLogPrefix(instance)}${time}-${reason}${refusal === 'passing' ? '-outage' : ''}.log`;
}

/** Of the objects of one instance its saved log, the latest of several; undefined: it saved none. */
export function savedLogIn(keys: readonly string[]): (SavedLog & { key: string }) | undefined {
  const key = keys.findLast((one) => SAVED_LOG.test(one)) ?? '';
  const { reason, outage } = SAVED_LOG.exec(key)?.groups ?? {};
  if (reason === undefined) return undefined;
  if (!reason.startsWith('cannot-')) return { key, reason };
  return { key, reason, refusal: outage === undefined ? 'lasting' : 'passing' };
}

const SAVED_LOG = /^instances\/[^/]+\/[-\dT]+Z-(?<reason>[a-z-]+?)(?<outage>-outage)?\.log$/;

export function instanceLogPrefix(instance: string): string {
  return `instances/${instance}/`;
}

export function bodyKey(job: string): string {
  return `${BODIES}${job}`;
}

/** Whose body that is: of a job that was redriven, of the one before. */
export function jobOfBody(key: string): string {
  return key.slice(BODIES.length);
}
