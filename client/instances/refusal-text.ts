import type { RefusedForecast } from '../../jobs/record.ts';

/** What an instance cannot do, to follow the word "cannot". */
export const CANNOT: Record<RefusedForecast['what'], string> = {
  receive: 'receive jobs',
  claim: 'claim jobs in the table',
  report: 'write to the table',
  'worker-role': "assume the workers' role",
  secrets: "read the workers' secrets",
};

/** What a terminated instance could not do, by the reason of its retirement. */
export const COULD_NOT: Partial<Record<string, string>> = {
  'cannot-receive': 'could not receive jobs',
  'cannot-use-table': 'could not use the table',
  'cannot-assume-worker-role': "could not assume the workers' role",
  'cannot-read-secrets': "could not read the workers' secrets",
};

/** How to recreate a resource that was deleted, and what is lost. */
export const RECREATE_ADVICE =
  'Deploying the same template does not create it again: delete the stack and deploy it. With RemovalPolicy.DESTROY this ' +
  'deletes the queues with the waiting jobs, the records and the logs. To keep them, set removalPolicy to ' +
  'RemovalPolicy.RETAIN and deploy before you delete the stack.';

/**
 * What to do about a refusal.
 *
 * @param what the call that AWS refuses, or the reason for which an instance retired
 */
export function adviseOnRefusal(what: string, error: string): string {
  return what === 'secrets' || what === 'cannot-read-secrets' ? adviseOnSecret(error) : adviseOnError(error);
}

/** @param error `<name> (<id>): <reason>`, as the agent writes it (`agent/secrets/`). The name of a secret says nothing. */
function adviseOnSecret(error: string): string {
  const reason = error.replace(/^.*?\): /, '');
  if (reason.startsWith('its value '))
    return 'Correct the value of the secret, or the prop secrets, and deploy.';
  if (/kms|KeyId|DecryptionFailure/i.test(reason)) {
    return "Check that the key of the secret is enabled, and that the workers' role may use it.";
  }
  if (/not ?found|InvalidRequest|deletion/i.test(reason)) {
    return 'Restore or create the secret, or correct the prop secrets and deploy.';
  }
  if (/denied|not authorized|unauthorized/i.test(reason)) {
    // A policy names the secret with its suffix, which a secret that does not exist has not.
    return (
      'There is no such secret, or a permission is missing: check the secret, its policy, the policies of the ' +
      "workers' role, and service control policies."
    );
  }
  return 'See the AWS Health Dashboard for outages. The instance terminates if this lasts.';
}

/** What to do about an error of AWS. See "Common errors" in the API references of SQS, DynamoDB and STS. */
function adviseOnError(error: string): string {
  if (/^kms/i.test(error) || /\bkms\b/i.test(error)) {
    return 'Check that the key is enabled, and that its policy lets the instances use it.';
  }
  if (/not ?found|not ?exist|NonExistent/i.test(error)) {
    return `It may have been deleted. ${RECREATE_ADVICE}`;
  }
  if (/denied|not authorized|unauthorized/i.test(error)) {
    return "A permission is missing. Check the instances' role, the policy of the resource, and service control policies.";
  }
  return 'See the AWS Health Dashboard for outages. The instance terminates if this lasts.';
}
