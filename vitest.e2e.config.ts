import { defineConfig } from 'vitest/config';
import quick, { crashRuns } from './vitest.config.ts';

/**
 * `npm run test:e2e`: whole fleets with all that their users bring: the CDK's command, boto3, the AWS CLI, Ansible. And a
 * thousand played fleets whose parts crash. Else as `npm test`.
 */
export default defineConfig({
  test: {
    ...quick.test,
    include: ['test/e2e/**/*.test.ts', ...crashRuns],
    exclude: [],
    // Each fleet has programs enough of its own to keep a core busy.
    maxWorkers: 3,
  },
});
