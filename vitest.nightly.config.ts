import { defineConfig } from 'vitest/config';

/** `npm run nightly`: what takes too long for every change. One after the other: each wants the whole machine. */
export default defineConfig({
  test: {
    include: ['test/nightly/**/*.test.ts'],
    fileParallelism: false,
    env: { CDK_VALIDATION: 'false' },
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    allowOnly: false,
    reporters: ['default', './test/support/no-skips.ts'],
  },
});
