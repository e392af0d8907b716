import type { Activity } from '@aws-sdk/client-auto-scaling';

/** What Auto Scaling's activities say in words ("Verify a scaling activity for an Auto Scaling group"). */
type Told = Pick<Activity, 'Description'>;
type Explained = Pick<Activity, 'Cause'>;

/**
 * The instance that was launched: `Launching a new EC2 instance: i-...`, with a warm pool `... instance into warm pool:
 * i-...` and later, for the same one, `... instance from warm pool: i-...`; without an id the launch failed.
 */
export function launchedBy({ Description = '' }: Told): string | undefined {
  return /^Launching a new EC2 instance(?: (?:into|from) warm pool)?: (i-\w+)/.exec(Description)?.[1];
}

/** Codes of EC2's "StateReason" for an instance that it accepted and that ended before it ran, and those of keys. */
const DIED =
  /Termination Reason: ((?:Client\.(?:InternalError|InvalidKMSKey|InvalidSnapshot|VolumeLimitExceeded)|Server\.(?:InternalError|InsufficientInstanceCapacity))[\s\S]*)/;

/**
 * Why an instance ended as it was launched, in EC2's words: `Launching a new EC2 instance: i-...  Status Reason: Instance
 * became unhealthy while waiting for instance to be in InService state. Termination Reason: Client.InternalError: Client
 * error on launch`.
 */
export function diedAtLaunch({ Description = '' }: Told): string | undefined {
  return DIED.exec(Description)?.[1];
}

/** Whether it added to the group, or tried to: an instance that goes into the warm pool answers no backlog. */
export function addsToGroup({ Description = '' }: Told): boolean {
  return Description.startsWith('Launching') && !Description.includes('into warm pool');
}

/** The instance that was terminated: `Terminating EC2 instance: i-...`, also out of a warm pool. */
export function terminatedBy({ Description = '' }: Told): string | undefined {
  return /^Terminating EC2 instance(?: [\w ]+)?: (i-\w+)/.exec(Description)?.[1];
}

/**
 * Whether a termination was asked for, by a call that named the instance or by a lower desired capacity: `... in response
 * to a user request, shrinking the capacity from 2 to 1`. Otherwise a health check or a rebalance is its cause, which
 * leave the desired capacity as it is.
 */
export function isByRequest({ Cause = '' }: Explained): boolean {
  return /in response to a user request|shrinking the capacity/.test(Cause);
}
