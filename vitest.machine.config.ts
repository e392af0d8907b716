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

const project = (name: string, release: Release, files: readonly string[]) => ({
  extends: true as const,
  test: { name, provide: { release }, include: files.map((file) => `test/machine/${file}.test.ts`) },
});

/**
 * `npm run test:machine`: real machines, two at once on two cores. All files on Debian 12, which CI runs, and the telling
 * ones on 13, which `npm run nightly` runs.
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
    projects: [project('debian-12', 'debian-12', ['**/*']), project('debian-13', 'debian-13', TELLING)],
  },
});
