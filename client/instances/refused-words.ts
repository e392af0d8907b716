import type { RefusedOutlook } from '../../jobs/record.ts';

/** What an instance cannot do, after "cannot". */
export const CANNOT: Record<RefusedOutlook['what'], string> = {
  receive: 'receive jobs',
  claim: 'claim jobs in the table',
  report: 'write to the table',
  'worker-role': "assume the workers' role",
};

/** The same of one that has gone for it, by the reason of its retirement. */
export const COULD_NOT: Partial<Record<string, string>> = {
  'cannot-receive': 'could not receive jobs',
  'cannot-use-table': 'could not use the table',
  'cannot-assume-worker-role': "could not assume the workers' role",
};

/** What makes a resource again that somebody has deleted, and what that costs. */
export const DEPLOY_ANEW =
  'A deployment of the same template does not make it again: delete the stack and deploy it. With RemovalPolicy.DESTROY that ' +
  'deletes the queues with the jobs that wait, the records and the logs. To keep them, set removalPolicy to ' +
  'RemovalPolicy.RETAIN and deploy before you delete the stack.';

/** What to do about AWS's refusal. "Common errors" of the API references of SQS, DynamoDB and STS. */
export function adviceOn(error: string): string {
  if (/^kms/i.test(error) || /\bkms\b/i.test(error)) {
    return 'See that the key is enabled, and that its policy lets the instances use it.';
  }
  if (/not ?found|not ?exist|NonExistent/i.test(error)) {
    return `Was it deleted? ${DEPLOY_ANEW}`;
  }
  if (/denied|not authorized|unauthorized/i.test(error)) {
    return "A right is missing: see the instances' role, the policy of what is refused, and service control policies.";
  }
  return 'The AWS Health Dashboard tells of outages; the instance goes if this lasts.';
}
