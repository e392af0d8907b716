import { defineConfig } from 'vitest/config';

const ci = process.env['CI'] === 'true';

/** A minute of processor time: CI runs them with `npm run test:e2e`. */
export const crashRuns = ['test/groups/crashes.test.ts'];

/** They start the real ansible-playbook for each of their cases: CI runs them with `npm run test:projects`. */
export const ansibleRuns = ['checkout', 'machine', 'refusals'].map(
  (name) => `test/workers/ansible/${name}.test.ts`,
);

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'local/test/**/*.test.ts'],
    // They have whole fleets, boot machines or take long, and configurations of their own: vitest.<name>.config.ts.
    exclude: [
      ...['test/e2e/**', 'test/machine/**', 'test/projects/**', 'test/nightly/**'],
      ...crashRuns,
      ...ansibleRuns,
    ],
    // More than the two cores that the smallest CI machine has: most tests wait for processes of their own.
    maxWorkers: 4,
    // AWS's validation of templates costs seconds of each synth; test/infra/synth.test.ts runs it.
    env: { CDK_VALIDATION: 'false' },
    // A quarter of the time was the imports of each file anew: of the CDK and the SDK.
    isolate: false,
    setupFiles: 'test/support/own-environment.ts',
    // They end what hangs, and nothing else: with both cores kept busy a test takes several times as long.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // What is waited for comes when a busy machine gets round to it.
    expect: { poll: { timeout: 60_000, interval: 20 } },
    allowOnly: !ci,
    reporters: ci ? ['default', './test/support/no-skips.ts'] : ['default'],
  },
});
