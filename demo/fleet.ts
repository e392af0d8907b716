import type { View } from './picture/tiles.ts';

/** What both the demo and the app that it deploys have to know. */
export const STACK_NAME = 'MayflyDemo';

export const FLEET = {
  maxCapacity: 5,
  /** Of the embedded cloud's time. */
  warmUpSeconds: 60,
  /** Waiting jobs that one more instance is worth. */
  jobsPerInstance: 6,
  /** Of an agent's own time, on a machine that may be busy with other things. */
  leaseSeconds: 60,
  idleSeconds: 4,
} as const;

/** Seahorse Valley, where the Mandelbrot set curls. */
export const VIEW: View = {
  width: 1440,
  height: 1080,
  x: -0.7435669,
  y: 0.1314023,
  span: 0.0022878,
  turns: 0.6,
  iterations: 2000,
  samples: 2,
};

/** Pixels a side: 48 tiles, each about half a second of work. */
export const TILE_SIZE = 180;
/** Jobs of the first wave; the others follow once these are done, and find a fleet that is too small for them. */
export const FIRST_WAVE = 12;
