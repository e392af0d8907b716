import type { View } from './picture/tiles.ts';

/** Shared by the demo and the app that it deploys. */
export const STACK_NAME = 'MayflyDemo';

export const FLEET = {
  maxCapacity: 5,
  /** In the time of the embedded cloud. */
  warmUpSeconds: 60,
  jobsPerInstance: 6,
  /** In real time. The machine may be busy with other things. */
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

/** Pixels a side. It makes 48 tiles, each about half a second of work. */
export const TILE_SIZE = 180;
/** Jobs of the first wave. The others are sent when these are done, to a fleet that is too small for them. */
export const FIRST_WAVE = 12;
