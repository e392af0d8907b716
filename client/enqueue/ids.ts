import { createHash, randomInt } from 'node:crypto';

/** What an id is drawn of. It begins with a letter and never looks like a number, which YAML or a shell would make of it. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const DRAWN_ID = 12;
const DRAWN_SEED = 24;

/** RFC 4648's, in lower case. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const LONGEST_DIGEST = 24;

/** Names a run of many jobs: 124 bits by chance, as the ids of all its jobs are made of it. */
export function drawSeed(): string {
  return `_${draw(DRAWN_SEED)}`;
}

/** 62 bits by chance. */
export function drawId(): string {
  return `j-${draw(DRAWN_ID)}`;
}

function draw(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}

/** What `drawSeed` draws: no seed that is chosen, or that an earlier version drew, looks so. */
const DRAWN = new RegExp(`^_[a-z0-9]{${DRAWN_SEED}}$`);

/** Whether a run may have the seed: a chosen one of 1 to 100 letters and digits, or one that was drawn for an earlier run. */
export function isSeed(seed: string): boolean {
  return DRAWN.test(seed) || /^[A-Za-z0-9]{1,100}$/.test(seed);
}

/**
 * The id of a job of a run: of its number, or of another key that it has in the run. With a drawn seed, one job's id tells nothing of another's; a seed that somebody
 * has chosen is a part of the ids. Of a job with a dedupe key it is the same in any run and any fleet.
 */
export function jobId(seed: string, key: number | string, dedupe?: string): string {
  if (dedupe !== undefined) return dedupedId(dedupe);
  return DRAWN.test(seed) ? `j-${digestOf(`${seed} ${key}`)}` : `j-${seed}-${key}`;
}

/** Of a job that has a dedupe key. `isDedupedId` knows it by its form. */
export function dedupedId(key: string): string {
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
