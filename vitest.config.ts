import { defineConfig } from 'vitest/config';

const ci = process.env['CI'] === 'true';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores is what the smallest CI machine has, and most tests run processes of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    allowOnly: !ci,
    reporters: ci ? ['default', './test/support/no-skips.ts'] : ['default'],
  },
});
