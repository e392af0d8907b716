import { defineConfig } from 'vitest/config';
import type { Release } from './local/machines/images.ts';

const ci = process.env['CI'] === 'true';

/** What depends most on the machine runs on Debian 13 as well. */
const TELLING = [
  'crashes',
  'collection',
  'role',
  'worker-access',
  'slot',
  'agent-trouble',
  'baked-image',
  'refusals',
  'shutdown',
];

/** What every change need not wait for: the lab itself, and what has a test without machines. */
const LONG = ['images', 'lab', 'paid-hour', 'warm-pool'];

const pathOf = (file: string) => `test/machine/${file}.test.ts`;

const project = (name: string, release: Release, files: readonly string[], but: readonly string[] = []) => ({
  extends: true as const,
  test: { name, provide: { release }, include: files.map(pathOf), exclude: but.map(pathOf) },
});

/**
 * `npm run test:machine`: real machines, two at once on two cores. All files on Debian 12, of which CI runs all but the long
 * ones, and the telling ones on 13. `npm run nightly` runs what CI does not.
 */
export default defineConfig({
  test: {
    globalSetup: 'test/machine/support/images.ts',
    // Machines wait more than they work: two fleets of up to three machines suit two cores.
    maxWorkers: 2,
    env: { CDK_VALIDATION: 'false' },
    testTimeout: 600_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000, interval: 200 } },
    allowOnly: !ci,
    reporters: ci ? ['default', './test/support/no-skips.ts'] : ['default'],
    projects: [
      project('debian-12', 'debian-12', ['**/*'], LONG),
      project('debian-12-long', 'debian-12', LONG),
      project('debian-13', 'debian-13', TELLING),
    ],
  },
});
