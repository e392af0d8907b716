import * as v from 'valibot';
import { messageOf } from '../../lib/error-message.ts';
import { SQS_MAX_VISIBILITY_SECONDS } from '../../lib/limits.ts';
import { type AgentConfig, AgentConfigSchema } from './agent-config.ts';

/** The configuration is wrong. Each problem is one line that names the key, the value and what is allowed. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(source: string, problems: readonly string[]) {
    super([`${source} is not a configuration that this agent can use:`, ...problems].join('\n  '));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads an agent's configuration.
 *
 * @param json the file's content
 * @param source where it comes from, for the message: usually the file's path
 * @throws ConfigError with all problems
 */
export function parseConfig(json: string, source: string): AgentConfig {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new ConfigError(source, [`it is not JSON: ${messageOf(error)}`]);
  }
  const result = v.safeParse(AgentConfigSchema, value);
  if (!result.success) throw new ConfigError(source, result.issues.map(describeIssue));
  const problems = findContradictions(result.output);
  if (problems.length > 0) throw new ConfigError(source, problems);
  return result.output;
}

type Issue = v.InferIssue<typeof AgentConfigSchema>;

function describeIssue(issue: Issue): string {
  const key = v.getDotPath(issue) ?? '(all of it)';
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    return `${key} is not a known key; is it misspelt, or for a newer agent?`;
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') return `${key} is missing`;
  const allowed = issue.message.startsWith('Invalid') ? issue.expected : issue.message;
  return `${key} is ${show(issue.input)}; allowed is ${allowed}`;
}

function show(input: unknown): string {
  const shown = JSON.stringify(input) ?? String(input);
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown;
}

/** Finds values that are allowed each by itself, but not together. */
function findContradictions(config: AgentConfig): string[] {
  const problems: string[] = [];
  for (const key of ['limitSeconds', 'maxLimitSeconds'] as const) {
    const { [key]: seconds = 0, graceSeconds } = config;
    if (seconds + graceSeconds <= SQS_MAX_VISIBILITY_SECONDS) continue;
    problems.push(
      `${key} is ${seconds} and graceSeconds is ${graceSeconds}; allowed is ` +
        `${SQS_MAX_VISIBILITY_SECONDS} together: SQS keeps a message invisible for 12 hours at most`,
    );
  }
  if (config.maxLimitSeconds !== undefined && config.maxLimitSeconds < config.limitSeconds) {
    problems.push(
      `maxLimitSeconds is ${config.maxLimitSeconds}; allowed is at least limitSeconds, ${config.limitSeconds}`,
    );
  }
  const { firstSeconds, longestSeconds } = config.retryBackoff;
  if (firstSeconds > longestSeconds) {
    problems.push(
      `retryBackoff.firstSeconds is ${firstSeconds}; ` +
        `allowed is at most retryBackoff.longestSeconds, ${longestSeconds}`,
    );
  }
  if (config.deadLetterQueueUrl === config.queueUrl) {
    problems.push(`deadLetterQueueUrl is ${show(config.queueUrl)}; allowed is any queue but queueUrl's own`);
  }
  return [...problems, ...findSecretProblems(config)];
}

function findSecretProblems({ secrets, environment, workerRole }: AgentConfig): string[] {
  const names = Object.keys(secrets);
  const problems = names
    .filter((name) => Object.hasOwn(environment, name))
    .map(
      (name) => `secrets.${name} is also in environment; allowed is a name that environment does not have`,
    );
  if (names.length === 0 || workerRole !== undefined) return problems;
  return [
    `secrets is ${names.join(', ')}; allowed is none without workerRole, which reads them`,
    ...problems,
  ];
}
