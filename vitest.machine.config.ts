import { defineConfig } from 'vitest/config';

const ci = process.env['CI'] === 'true';

/** `npm run test:machine`: real machines, two at once on two cores. */
export default defineConfig({
  test: {
    include: ['test/machine/**/*.test.ts'],
    globalSetup: 'test/machine/support/images.ts',
    // Machines wait more than they work: two fleets of up to three machines suit two cores.
    maxWorkers: 2,
    env: { CDK_VALIDATION: 'false' },
    testTimeout: 600_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000, interval: 200 } },
    allowOnly: !ci,
    reporters: ci ? ['default', './test/support/no-skips.ts'] : ['default'],
  },
});
