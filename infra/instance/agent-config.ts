import type { Stack } from 'aws-cdk-lib';
import type { AgentConfigInput } from '../../agent/config/agent-config.ts';
import { parseConfig } from '../../agent/config/read-config.ts';
import { LAUNCH_HOOK, TERMINATION_HOOK } from '../group/hooks.ts';
import type { FleetSettings } from '../props/settings.ts';

export interface AgentSurroundings {
  /** `<stack>/<fleet>`: unique within account and region. */
  fleet: string;
  region: string;
  queueUrl: string;
  deadLetterQueueUrl: string;
  table: string;
  /** For the logs of jobs, bodies that are too long for a message, and what an instance says that breaks down. */
  logBucket: string;
  /** ARN; undefined for workers without one. */
  workerRole: string | undefined;
}

/** For the check at synth: what only the deployment knows has the shape that it will have then. */
const STAND_INS = {
  region: 'us-east-1',
  queueUrl: 'https://sqs.us-east-1.amazonaws.com/123456789012/queue',
  deadLetterQueueUrl: 'https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters',
  table: 'table',
  logBucket: 'logs',
  workerRole: 'arn:aws:iam::123456789012:role/worker',
};

/** What the agents are told, as JSON in which CloudFormation puts the names of what it made. */
export function agentConfig(stack: Stack, settings: FleetSettings, surroundings: AgentSurroundings): string {
  const config: AgentConfigInput = {
    version: 1,
    ...surroundings,
    trackJobs: settings.trackJobs,
    command: settings.command,
    environment: settings.environment,
    messageAttributes: settings.messageAttributes,
    concurrency: settings.concurrency,
    leaseSeconds: settings.leaseSeconds,
    limitSeconds: settings.limitSeconds,
    maxLimitSeconds: settings.maxLimitSeconds,
    graceSeconds: settings.graceSeconds,
    maxAttempts: settings.maxAttempts,
    retryTimedOut: settings.retryTimedOut,
    retryBackoff: settings.retryBackoff,
    ...(settings.instanceCheck && { instanceCheck: settings.instanceCheck }),
    minFreeDiskBytes: settings.minFreeDiskBytes,
    log: { maxBytes: settings.maxLogBytes },
    maxJobAgeSeconds: settings.maxJobAgeSeconds,
    recordSeconds: settings.recordSeconds,
    drainSeconds: settings.drainSeconds,
    retirement: {
      billing: settings.billing,
      ladderSeconds: settings.ladderSeconds,
      refusalSeconds: settings.refusalSeconds,
      ...(settings.idleSeconds === undefined ? {} : { idleSeconds: settings.idleSeconds }),
      ...(settings.maxAgeSeconds === undefined ? {} : { maxAgeSeconds: settings.maxAgeSeconds }),
    },
    launchHook: LAUNCH_HOOK,
    terminationHook: TERMINATION_HOOK,
    reportSeconds: settings.reportSeconds,
    noticeSeconds: settings.noticeSeconds,
    cancelSeconds: settings.cancelSeconds,
  };
  // The agent's own schema has the last word: what it would refuse on the instance is refused here.
  parseConfig(JSON.stringify({ ...config, ...STAND_INS }), 'What the props come to');
  return stack.toJsonString(config);
}
