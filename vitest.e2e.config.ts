import { defineConfig } from 'vitest/config';

const ci = process.env['CI'] === 'true';

/**
 * `npm run test:e2e`: whole fleets with all that their users bring: the CDK's command, boto3, the AWS CLI, Ansible. Each
 * has programs enough of its own to keep a core busy.
 */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    maxWorkers: 3,
    isolate: false,
    env: { CDK_VALIDATION: 'false' },
    setupFiles: 'test/support/own-environment.ts',
    testTimeout: 120_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
    allowOnly: !ci,
    reporters: ci ? ['default', './test/support/no-skips.ts'] : ['default'],
  },
});
