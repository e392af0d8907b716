import { Duration, type Stack } from 'aws-cdk-lib';
import type { AgentConfigInput } from '../../agent/config/agent-config.ts';
import { parseConfig } from '../../agent/config/read-config.ts';
import { LAUNCH_HOOK, TERMINATION_HOOK } from '../group/hooks.ts';
import { toGroups } from '../props/groups.ts';
import type { AgentKey } from '../props/rows.ts';
import type { FleetSettings } from '../props/settings.ts';
import { settingsForAgent } from '../props/table.ts';

/** What an agent has to know beside the props. */
export interface AgentEnvironment {
  /** `<stack>/<fleet>`: unique within account and region. */
  fleet: string;
  region: string;
  queueUrl: string;
  deadLetterQueueUrl: string;
  table: string;
  /** For the logs of jobs, for bodies that are too long for a message, and for the logs of instances that failed. */
  logBucket: string;
  /** ARN; undefined for workers without one. */
  workerRole: string | undefined;
}

/** Values of the right format, for the check at synth. Only the deployment knows the real ones. */
const STAND_INS = {
  region: 'us-east-1',
  queueUrl: 'https://sqs.us-east-1.amazonaws.com/123456789012/queue',
  deadLetterQueueUrl: 'https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters',
  table: 'table',
  logBucket: 'logs',
  workerRole: 'arn:aws:iam::123456789012:role/worker',
};

/**
 * The first keys of agent.json, in their order. The others follow in the order of the table. Another order would be new
 * user-data, and so a new version of each launch template, for no reason.
 */
const FIRST_KEYS: AgentKey[] = [
  'version',
  'fleet',
  'region',
  'queueUrl',
  'deadLetterQueueUrl',
  'table',
  'logBucket',
  'workerRole',
  'trackJobs',
  'command',
  'environment',
  'messageAttributes',
  'concurrency',
  'leaseSeconds',
  'limitSeconds',
  'maxLimitSeconds',
  'graceSeconds',
  'maxAttempts',
  'retryTimedOut',
  'retryBackoff',
  'instanceCheck',
  'minFreeDiskBytes',
  'log.maxBytes',
  'maxJobAgeSeconds',
  'recordSeconds',
  'drainSeconds',
  'retirement.billing',
  'retirement.ladderSeconds',
  'retirement.refusalSeconds',
  'retirement.idleSeconds',
  'retirement.maxAgeSeconds',
  'launchHook',
  'terminationHook',
  'reportSeconds',
  'noticeSeconds',
  'cancelSeconds',
];

type Sections = { [Section in 'retirement' | 'log']: Required<NonNullable<AgentConfigInput[Section]>> };
type ValueAt<Key> = Key extends keyof AgentConfigInput
  ? AgentConfigInput[Key]
  : Key extends `${infer Section extends keyof Sections}.${infer Inner}`
    ? Inner extends keyof Sections[Section]
      ? Sections[Section][Inner]
      : never
    : never;

/** agent.json with a dotted key for each value of a section: the compiler compares the settings with the agent's schema. */
type FlatAgentConfig = { [Key in AgentKey]?: ValueAt<Key> };

/** The content of agent.json. CloudFormation puts in the names of the resources. */
export function makeAgentConfig(
  stack: Stack,
  settings: FleetSettings,
  environment: AgentEnvironment,
): string {
  const { workerRole, ...names } = environment;
  const values: FlatAgentConfig = {
    version: 1,
    ...names,
    ...(workerRole !== undefined && { workerRole }),
    ...settingsForAgent(settings),
    ...groupsForAgent(settings),
    launchHook: LAUNCH_HOOK,
    terminationHook: TERMINATION_HOOK,
  };
  const config = withSections(values);
  // The agent's schema refuses here what it would refuse on the instance.
  parseConfig(JSON.stringify({ ...config, ...STAND_INS }), 'The configuration that the props make');
  return stack.toJsonString(config);
}

/** What differs from the agent's defaults: user-data is short, and a fleet without these props keeps its own. */
function groupsForAgent({ groups, maxLimitSeconds }: FleetSettings): Pick<FlatAgentConfig, 'groups'> {
  const byDefault = new Map<string, unknown>(Object.entries(toGroups({}, Duration.seconds(maxLimitSeconds))));
  const own = Object.entries(groups).filter(([key, value]) => value !== byDefault.get(key));
  return own.length === 0 ? {} : { groups: Object.fromEntries(own) };
}

/** The values in their order, those of a section (`retirement.billing`) in an object. */
function withSections(values: FlatAgentConfig): Record<string, unknown> {
  const others = (Object.keys(values) as AgentKey[]).filter((key) => !FIRST_KEYS.includes(key));
  const config: Record<string, unknown> = {};
  for (const key of [...FIRST_KEYS, ...others]) {
    if (values[key] === undefined) continue;
    const [section, inner] = key.split('.') as [string, string?];
    config[section] =
      inner === undefined ? values[key] : { ...(config[section] as object), [inner]: values[key] };
  }
  return config;
}
