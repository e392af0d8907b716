import type { InstanceType } from 'aws-cdk-lib/aws-ec2';
import { SQS_MAX_RETENTION_SECONDS, SQS_MAX_VISIBILITY_SECONDS } from '../../lib/limits.ts';
import { checkAll } from './checks.ts';
import { FleetPropsError, formatValue } from './errors.ts';
import type { WorkerFleetProps } from './props.ts';
import { checksOf } from './rows.ts';
import { refuseAlias, toWorkerSecrets, validateSecret } from './secrets.ts';
import { propTable, type TableSettings } from './table.ts';

/**
 * Refuses props that could not be deployed or would make every launch fail, before anything is made of them: each prop
 * by its check, then the combinations.
 *
 * Throws a `FleetPropsError` that names the key, the value and what is allowed.
 */
export function validateProps(where: string, id: string, props: WorkerFleetProps): void {
  checkAll(where, props, checksOf(propTable));
  const { check: name } = propTable.fleetName;
  if (props.fleetName === undefined && !name.test(id)) {
    throw new FleetPropsError(
      where,
      "fleetName (by default the construct's id)",
      formatValue(id),
      name.allowed,
    );
  }
  validateRetention(where, props);
  validateSecurityGroups(where, props);
  validateIdleTimeout(where, props);
  validateSetup(where, props);
  validateVaultKey(where, props);
  validateSecrets(where, props);
}

/**
 * Refuses settings that do not fit together, with the defaults in their places.
 *
 * Throws a `FleetPropsError`.
 */
export function validateSettings(where: string, settings: TableSettings): void {
  validateRetryBackoff(where, settings.retryBackoff);
  if (settings.bakedImage) validateBuilders(where, settings.bakedImage.instanceTypes, settings.instanceTypes);
  validateRunTime(where, settings);
  validateGroups(where, settings);
  validateWarmPool(where, settings);
}

/** These props have no effect without a set-up. */
function validateSetup(where: string, props: WorkerFleetProps): void {
  if (props.setup !== undefined) return;
  for (const key of ['setupRequirements', 'setupVaultPassword'] as const) {
    const value = props[key];
    if (value === undefined) continue;
    const is = typeof value === 'string' ? formatValue(value) : formatValue(value.parameterName);
    throw new FleetPropsError(where, key, is, 'only with setup');
  }
}

function validateVaultKey(where: string, { setupVaultPassword }: WorkerFleetProps): void {
  // The interface lacks the member; the class has it.
  const { encryptionKey } = (setupVaultPassword ?? {}) as { encryptionKey?: object };
  if (encryptionKey) refuseAlias(where, 'setupVaultPassword.encryptionKey', encryptionKey);
}

/** A worker has one variable of a name. Agents read secrets with the credentials of the workers. */
function validateSecrets(where: string, props: WorkerFleetProps): void {
  const { environment = {}, workerAwsAccess } = props;
  for (const [name, secret] of toWorkerSecrets(props.secrets)) {
    const key = `secrets.${name}`;
    validateSecret(where, key, secret);
    if (Object.hasOwn(environment, name)) {
      throw new FleetPropsError(where, key, 'also in environment', 'a name that environment does not have');
    }
    if (workerAwsAccess !== 'none') continue;
    const allowed = 'none, as workers without credentials (workerAwsAccess "none") cannot read secrets';
    throw new FleetPropsError(where, key, 'a secret', allowed);
  }
}

/** Without this check the rule that the owner asks for would be missing without a word. */
function validateSecurityGroups(where: string, props: WorkerFleetProps): void {
  if (!props.securityGroups || !props.allowAllIpv6Outbound) return;
  const allowed = 'only without securityGroups, whose rules are yours';
  throw new FleetPropsError(where, 'allowAllIpv6Outbound', 'true', allowed);
}

/** An idle instance that is billed by the hour costs nothing more until the hour ends. */
function validateIdleTimeout(where: string, { billing, idleTimeout }: WorkerFleetProps): void {
  if (billing !== 'per-hour' || idleTimeout === undefined) return;
  throw new FleetPropsError(
    where,
    'idleTimeout',
    formatValue(idleTimeout),
    "none with billing 'per-hour', where an idle instance stays to the end of its paid hour",
  );
}

/** A message can be delivered again after its job has ended. Only the record shows that the job has ended. */
function validateRetention(where: string, { trackJobs = true, recordRetention }: WorkerFleetProps): void {
  const seconds = recordRetention?.toSeconds({ integral: false }) ?? SQS_MAX_RETENTION_SECONDS;
  if (trackJobs && seconds < SQS_MAX_RETENTION_SECONDS) {
    throw new FleetPropsError(
      where,
      'recordRetention',
      formatValue(recordRetention),
      'at least 14 days, as long as the queue keeps a message: a job that is delivered again would run again',
    );
  }
}

/** An image that was built on one architecture does not boot on the other. */
function validateBuilders(where: string, builders: InstanceType[], fleet: InstanceType[]): void {
  const [builder] = builders;
  const [worker] = fleet;
  if (builder?.architecture !== worker?.architecture) {
    throw new FleetPropsError(
      where,
      'bakedImage.instanceTypes',
      formatValue(builders.map(String)),
      `types of the architecture of instanceTypes (${worker?.architecture})`,
    );
  }
}

type RunTime = Pick<TableSettings, 'limitSeconds' | 'maxLimitSeconds' | 'graceSeconds'>;

/** No lease can last longer than 12 hours from the receive ("Amazon SQS visibility timeout"). */
function validateRunTime(where: string, { limitSeconds, maxLimitSeconds, graceSeconds }: RunTime): void {
  for (const [name, limit] of [
    ['limit', limitSeconds],
    ['maxLimit', maxLimitSeconds],
  ] as const) {
    const seconds = limit + graceSeconds;
    if (seconds <= SQS_MAX_VISIBILITY_SECONDS) continue;
    throw new FleetPropsError(
      where,
      `${name} plus grace`,
      `${seconds} seconds`,
      'at most 12 hours, the longest that SQS keeps a message invisible',
    );
  }
  if (maxLimitSeconds >= limitSeconds) return;
  const allowed = `at least limit, ${limitSeconds} seconds`;
  throw new FleetPropsError(where, 'maxLimit', `${maxLimitSeconds} seconds`, allowed);
}

type Groups = Pick<TableSettings, 'groups' | 'maxLimitSeconds'>;

/** A health check is one try of a job, so that it may not take longer than a job. */
function validateGroups(where: string, { groups, maxLimitSeconds }: Groups): void {
  const { lanes, maxLanes, checkLimitSeconds } = groups;
  if (typeof lanes === 'number' && lanes > maxLanes) {
    throw new FleetPropsError(where, 'groups.lanes', `${lanes}`, `at most groups.maxLanes, ${maxLanes}`);
  }
  if (checkLimitSeconds <= maxLimitSeconds) return;
  const allowed = `at most maxLimit, ${maxLimitSeconds} seconds`;
  throw new FleetPropsError(where, 'groups.checkLimit', `${checkLimitSeconds} seconds`, allowed);
}

/** The bound of all waits also applies to the first. */
function validateRetryBackoff(
  where: string,
  { firstSeconds, longestSeconds }: TableSettings['retryBackoff'],
): void {
  if (firstSeconds <= longestSeconds) return;
  throw new FleetPropsError(
    where,
    'retryBackoff.first',
    `${firstSeconds} seconds`,
    `at most retryBackoff.longest, ${longestSeconds} seconds`,
  );
}

type PoolSizes = Pick<TableSettings, 'warmPool' | 'spotShare' | 'maxCapacity'>;

/** The limitations of warm pools ("Decrease latency for applications with long boot times using warm pools"), and the sizes. */
function validateWarmPool(where: string, { warmPool, spotShare, maxCapacity }: PoolSizes): void {
  if (!warmPool) return;
  const refuse = (key: string, value: number, allowed: string): never => {
    throw new FleetPropsError(where, key, String(value), allowed);
  };
  const { minSize, maxGroupPreparedCapacity: most } = warmPool;
  if (spotShare > 0) refuse('spotShare', spotShare, '0 with a warmPool, which has no Spot Instances');
  if (minSize > maxCapacity) refuse('warmPool.minSize', minSize, `at most maxCapacity, ${maxCapacity}`);
  if (most < minSize) {
    refuse('warmPool.maxGroupPreparedCapacity', most, `at least warmPool.minSize, ${minSize}`);
  }
}
