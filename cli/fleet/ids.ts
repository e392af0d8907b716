import { createHash, randomInt } from 'node:crypto';

/** What an id is drawn of. It begins with a letter and never looks like a number, which YAML or a shell would make of it. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const DRAWN = 12;

/** RFC 4648's, in lower case. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const LONGEST_DIGEST = 24;

/** Names a run of many jobs: 62 bits by chance. */
export function drawSeed(): string {
  return Array.from({ length: DRAWN }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}

export function drawId(): string {
  return `j-${drawSeed()}`;
}

/** The id of job number `number` of a run; of one with a dedupe key it is the same in any run and any fleet. */
export function jobId(seed: string, number: number, dedupe?: string): string {
  return dedupe === undefined ? `j-${seed}-${number}` : dedupedId(dedupe);
}

/** Of a job that has a dedupe key. */
export function dedupedId(key: string): string {
  let bits =
    BigInt(`0x${createHash('sha256').update(key).digest('hex')}`) >> BigInt(256 - LONGEST_DIGEST * 5);
  let text = '';
  for (let count = 0; count < LONGEST_DIGEST; count += 1) {
    text = BASE32[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return `d-${text}`;
}
