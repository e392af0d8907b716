import { createHash, randomInt } from 'node:crypto';

/** Characters of random ids. Every id begins with a letter, so that YAML and shells do not read it as a number. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const DRAWN_ID = 12;
const DRAWN_SEED = 24;

/** The alphabet of RFC 4648, in lower case. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const LONGEST_DIGEST = 24;

/** A random seed for `enqueueMany`. It has 124 bits, because the ids of all jobs of the run are made of it. */
export function createSeed(): string {
  return `_${draw(DRAWN_SEED)}`;
}

/** A random id of one job, 62 bits. */
export function createJobId(): string {
  return `j-${draw(DRAWN_ID)}`;
}

/** A random id of a request, 62 bits. */
export function createRequestId(): string {
  return `req-${draw(DRAWN_ID)}`;
}

function draw(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}

/** The form of a random seed. Seeds that a caller chose do not have it, nor random seeds of earlier versions. */
const DRAWN = new RegExp(`^_[a-z0-9]{${DRAWN_SEED}}$`);

/** Whether a seed is valid: 1 to 100 letters and digits, or a random seed of an earlier run. */
export function isSeed(seed: string): boolean {
  return DRAWN.test(seed) || /^[A-Za-z0-9]{1,100}$/.test(seed);
}

/**
 * The id that `enqueueMany` gives a job. With a random seed it is a digest, so that no id reveals another. A seed that
 * the caller chose is a part of the id: `j-<seed>-<key>`.
 *
 * @param key the job's number in the run, from 1, or what `jobKey` returned for it
 * @param dedupe the job's deduplication key; then the id is the same in every run and every fleet
 */
export function jobId(seed: string, key: number | string, dedupe?: string): string {
  if (dedupe !== undefined) return deduplicatedId(dedupe);
  return DRAWN.test(seed) ? `j-${digestOf(`${seed} ${key}`)}` : `j-${seed}-${key}`;
}

/** The id of a job with this deduplication key. `isDedupedId` recognises its form. */
export function deduplicatedId(key: string): string {
  return `d-${digestOf(key)}`;
}

/** 120 bits. */
function digestOf(key: string): string {
  let bits =
    BigInt(`0x${createHash('sha256').update(key).digest('hex')}`) >> BigInt(256 - LONGEST_DIGEST * 5);
  let text = '';
  for (let count = 0; count < LONGEST_DIGEST; count += 1) {
    text = BASE32[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return text;
}
