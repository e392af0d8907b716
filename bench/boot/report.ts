import { formatTable } from '../../cli/terminal/columns.ts';
import { median, spread } from '../stats.ts';
import type { BootTimes } from './boots.ts';

/** The measurements of an image, in seconds. */
export interface ImageMeasurements {
  image: string;
  /** To `multi-user.target`, without user-data. */
  bare: number[];
  boots: BootTimes[];
}

/** Medians, in seconds. */
export interface Result extends BootTimes {
  image: string;
  bare: number;
  /** Half the range of `ready`, as a fraction of the median. */
  readySpread: number;
  /** `ready` as a multiple of the image's own bare boot. */
  readyToBare: number;
}

/** A baked image is ready after at most this multiple of its own bare boot. */
const MAX_BAKED_RATIO = 2.5;

export function summarise({ image, bare, boots }: ImageMeasurements): Result {
  const of = (what: keyof BootTimes) => boots.map((boot) => boot[what]);
  const middle = (what: keyof BootTimes) => median(of(what));
  return {
    image,
    bare: median(bare),
    metadata: middle('metadata'),
    userData: middle('userData'),
    ready: middle('ready'),
    jobDone: middle('jobDone'),
    readySpread: spread(of('ready')),
    readyToBare: middle('ready') / median(bare),
  };
}

const bakedOf = (results: readonly Result[]) => results.find(({ image }) => image === 'baked');

/** Whether a baked image was fast enough; true if none was measured. */
export function isBakedFastEnough(results: readonly Result[]): boolean {
  return (bakedOf(results)?.readyToBare ?? 0) <= MAX_BAKED_RATIO;
}

/** The same as a sentence; undefined if none was measured. */
export function bakedVerdict(results: readonly Result[]): string | undefined {
  const baked = bakedOf(results);
  if (!baked) return undefined;
  const ratio = baked.readyToBare.toFixed(2);
  const met = isBakedFastEnough(results) ? 'met' : 'NOT met';
  return `A baked image is ready after ${ratio} times its bare boot (at most ${MAX_BAKED_RATIO}): ${met}.`;
}

export function print(results: readonly Result[]): void {
  const head = [
    'seconds since launch',
    'bare boot',
    'metadata',
    'user-data',
    'ready',
    'spread',
    'first job',
    'ready / bare',
  ];
  const rows = results.map((result) => [
    result.image,
    result.bare.toFixed(1),
    result.metadata.toFixed(1),
    result.userData.toFixed(1),
    result.ready.toFixed(1),
    `±${(result.readySpread * 100).toFixed(0)} %`,
    result.jobDone.toFixed(1),
    result.readyToBare.toFixed(2),
  ]);
  console.log(`${formatTable(head, rows, { rule: true })}\n`);
  const verdict = bakedVerdict(results);
  if (verdict) console.log(verdict);
}
