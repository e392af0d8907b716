import type { Activity } from '@aws-sdk/client-auto-scaling';

/** What the texts of scaling activities say ("Verify a scaling activity for an Auto Scaling group"). */
type Described = Pick<Activity, 'Description'>;
type Explained = Pick<Activity, 'Cause'>;

/**
 * The instance that was launched. The text is `Launching a new EC2 instance: i-...`, with a warm pool `... instance into
 * warm pool: i-...` and later, for the same instance, `... instance from warm pool: i-...`. Without an id the launch failed.
 */
export function findLaunchedInstance({ Description = '' }: Described): string | undefined {
  return /^Launching a new EC2 instance(?: (?:into|from) warm pool)?: (i-\w+)/.exec(Description)?.[1];
}

/** Codes of EC2's "StateReason" for an instance that EC2 accepted and that ended before it ran, and those of KMS keys. */
const DIED =
  /Termination Reason: ((?:Client\.(?:InternalError|InvalidKMSKey|InvalidSnapshot|VolumeLimitExceeded)|Server\.(?:InternalError|InsufficientInstanceCapacity))[\s\S]*)/;

/**
 * Why an instance ended during its launch, in EC2's words: `Launching a new EC2 instance: i-...  Status Reason: Instance
 * became unhealthy while waiting for instance to be in InService state. Termination Reason: Client.InternalError: Client
 * error on launch`.
 */
export function findLaunchError({ Description = '' }: Described): string | undefined {
  return DIED.exec(Description)?.[1];
}

/** Whether it launched into the group, or tried to. An instance that enters the warm pool does not count. */
export function addsToGroup({ Description = '' }: Described): boolean {
  return Description.startsWith('Launching') && !Description.includes('into warm pool');
}

/** The instance that was terminated, in service or in a warm pool: `Terminating EC2 instance: i-...`. */
export function findTerminatedInstance({ Description = '' }: Described): string | undefined {
  return /^Terminating EC2 instance(?: [\w ]+)?: (i-\w+)/.exec(Description)?.[1];
}

/**
 * Whether a termination was requested, by a call that names the instance or by a lower desired capacity: `... in response
 * to a user request, shrinking the capacity from 2 to 1`. Otherwise a health check or a rebalance is the cause. These
 * leave the desired capacity unchanged.
 */
export function wasRequested({ Cause = '' }: Explained): boolean {
  return /in response to a user request|shrinking the capacity/.test(Cause);
}
