import type { RefusedForecast } from '../../jobs/record.ts';

/** What an instance cannot do, to follow the word "cannot". */
export const CANNOT: Record<RefusedForecast['what'], string> = {
  receive: 'receive jobs',
  claim: 'claim jobs in the table',
  report: 'write to the table',
  'worker-role': "assume the workers' role",
};

/** What a terminated instance could not do, by the reason of its retirement. */
export const COULD_NOT: Partial<Record<string, string>> = {
  'cannot-receive': 'could not receive jobs',
  'cannot-use-table': 'could not use the table',
  'cannot-assume-worker-role': "could not assume the workers' role",
};

/** How to recreate a resource that was deleted, and what is lost. */
export const RECREATE_ADVICE =
  'Deploying the same template does not create it again: delete the stack and deploy it. With RemovalPolicy.DESTROY this ' +
  'deletes the queues with the waiting jobs, the records and the logs. To keep them, set removalPolicy to ' +
  'RemovalPolicy.RETAIN and deploy before you delete the stack.';

/** What to do about an error of AWS. See "Common errors" in the API references of SQS, DynamoDB and STS. */
export function adviseOnError(error: string): string {
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
