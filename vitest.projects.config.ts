import { defineConfig } from 'vitest/config';
import { ansibleRuns } from './vitest.config.ts';

const ci = process.env['CI'] === 'true';

/**
 * `npm run test:projects`: the packed package in fresh projects of users, which takes the npm registry and minutes, and the Ansible
 * worker with the real ansible-playbook.
 */
export default defineConfig({
  test: {
    include: ['test/projects/**/*.test.ts', ...ansibleRuns],
    globalSetup: 'test/projects/packed.ts',
    // Most of it is npm, tsc and jest, each of which uses several cores by itself.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    allowOnly: !ci,
    reporters: ci ? ['default', './test/support/no-skips.ts'] : ['default'],
  },
});
